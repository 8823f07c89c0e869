"""GOPRO_Large: see README.md."""
