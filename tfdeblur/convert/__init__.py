"""Turns networks that others have published into networks of this package."""
