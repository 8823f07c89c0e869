"""Images: files to arrays and back, padding, tiles."""
