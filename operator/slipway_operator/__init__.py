"""What runs beside the API server."""

__version__ = "0.1.0"
