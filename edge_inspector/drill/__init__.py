"""The drill: pulls each plug of a line in drill mode, as a plain client of it, and judges what a gate saw."""
