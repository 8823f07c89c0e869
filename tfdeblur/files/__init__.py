"""Photographs and videos, from disk to disk."""
