"""`tfdeblur request`."""
