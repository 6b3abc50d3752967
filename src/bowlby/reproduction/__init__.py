"""What lets others check, compare and pass on a finished run."""
