"""The same model and frames in other programs: one module each, run as a process of its own."""
