"""The only room with threads and processes: the inspect loop, workers, the supervisor."""
