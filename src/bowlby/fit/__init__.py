"""Models of a run and their fits as files."""
