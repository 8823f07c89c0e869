"""Training: one Keras trainer per paper, and the run around it (TensorFlow backend)."""
