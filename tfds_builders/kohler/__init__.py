"""Köhler benchmark: see README.md."""
