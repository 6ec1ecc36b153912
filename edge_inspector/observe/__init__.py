"""Metrics, logs and the line's health. The only room that knows Prometheus."""
