"""A Modbus TCP server for PLCs: a plain client of the line's signals, in a process of its own."""
