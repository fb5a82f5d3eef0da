"""The graph of what will be served, rewritten without loss: ONNX Runtime's offline passes and transformer fusions."""
