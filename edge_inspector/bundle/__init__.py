"""A model with everything needed to run and to prove it."""
