"""Steps and epochs."""
