"""Formats: how a fetched file becomes a model that can be asked, and written as ONNX."""
