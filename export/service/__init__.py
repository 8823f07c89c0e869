"""A service in this process that answers as TensorFlow Serving does."""
