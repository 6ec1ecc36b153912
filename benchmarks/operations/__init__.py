"""What a line takes while nothing comes, whether it grows, and what disturbs its verdicts."""
