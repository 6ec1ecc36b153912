"""Cutting a frame into equal tiles. Pure."""
