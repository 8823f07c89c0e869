"""Adopted networks that are ONNX files, run by onnxruntime (the extra `onnx`)."""
