"""The optimization Job: a PyTorch model in, the best measured ONNX artifact out."""
