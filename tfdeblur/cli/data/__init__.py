"""`tfdeblur data`."""
