"""Synthetic motion blur with its flow: see README.md."""
