"""The resource: one module a version."""
