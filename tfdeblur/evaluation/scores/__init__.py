"""Scores of finished 8-bit images, by protocol, on NumPy and OpenCV alone."""
