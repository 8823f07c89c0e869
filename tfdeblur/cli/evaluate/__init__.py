"""`tfdeblur evaluate`."""
