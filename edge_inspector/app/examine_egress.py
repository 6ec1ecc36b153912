"""Checks of what may leave the site; no packet is sent for any of them."""
