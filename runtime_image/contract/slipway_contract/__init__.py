"""The artifact contract: the only package shared by the operator, the optimizer and the serving runtime."""

__version__ = "0.1.0"
