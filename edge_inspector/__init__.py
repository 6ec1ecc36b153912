"""Offline visual quality control for production lines: the program that runs on the line PC."""
