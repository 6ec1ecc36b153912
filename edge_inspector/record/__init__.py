"""Evidence: pictures of rejected parts, bounded on disk."""
