"""`tfdeblur deblur`."""
