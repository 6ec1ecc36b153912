"""Where pictures come from: cameras, folders, drawn parts, and the ring. The only room that knows Harvesters."""
