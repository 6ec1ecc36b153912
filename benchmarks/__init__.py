"""What the system costs beside what it is made of: `scripts/bench`."""
