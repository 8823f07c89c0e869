"""ONNX files of others: read with their external data, cut, and run for the probe."""
