"""Where pictures come from: cameras, folders, drawn parts, and the ring that carries them. The only room that knows Harvesters."""
