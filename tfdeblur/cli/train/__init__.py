"""`tfdeblur train`."""
