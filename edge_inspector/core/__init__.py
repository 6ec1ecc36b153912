"""The words everything else is written in: frames, tiles, verdicts, ports, errors, clock. No I/O, no threads."""
