"""A model with everything needed to run and to prove it: read whole, compared with its manifest, or refused."""
