"""`tfdeblur experiment`."""
