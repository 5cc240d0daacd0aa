"""From a trained network to ``model.onnx``."""
