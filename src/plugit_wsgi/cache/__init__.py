"""Values by key, for a time."""
