"""For subscribers: reads the wire protocol. Needs pyzmq alone."""
