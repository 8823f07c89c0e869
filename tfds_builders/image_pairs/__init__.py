"""Your own pairs of images: see README.md."""
