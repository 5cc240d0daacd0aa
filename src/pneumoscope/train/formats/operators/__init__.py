"""Translations of ONNX operators to Keras, by family."""
