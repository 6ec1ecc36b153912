"""Simulated cameras: a GenTL producer in C, built on demand, for rehearsals at a desk and for tests of acquire."""
