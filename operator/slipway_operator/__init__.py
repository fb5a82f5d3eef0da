"""What runs beside the API server."""
