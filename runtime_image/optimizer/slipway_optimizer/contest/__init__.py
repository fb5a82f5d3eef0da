"""The contest: every model that the spec allows is built, measured side by side, and one is chosen."""
