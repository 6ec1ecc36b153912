"""What can be seen of a line and its computer without touching either: rows of a report, one for each check."""
