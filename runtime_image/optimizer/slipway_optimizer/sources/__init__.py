"""Sources: files that the spec names by URI, fetched to local disk and verified."""
