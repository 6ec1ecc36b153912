"""One module per section of the table; each measures and returns rows."""
