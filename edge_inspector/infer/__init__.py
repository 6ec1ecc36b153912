"""The only room that knows ONNX Runtime: from a frame to tile scores and heat maps."""
