"""From a trained network to restored pictures."""
