"""Videos and animated pictures, from disk to disk."""
