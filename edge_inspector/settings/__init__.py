"""What config/*.yaml means: one frozen section per file, and the strict loader."""
