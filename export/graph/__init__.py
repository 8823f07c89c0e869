"""A model as a graph that TensorFlow Serving runs, with the files of its set-up."""
