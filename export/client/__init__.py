"""A client of services that restore images."""
