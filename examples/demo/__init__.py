"""`make demo`: from an empty cluster to a model that is served, answers and scales."""
