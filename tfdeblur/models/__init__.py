"""Models as files: presets, run folders, weights."""
