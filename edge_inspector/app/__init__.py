"""Composition roots, one per process: the only files that know all rooms."""
