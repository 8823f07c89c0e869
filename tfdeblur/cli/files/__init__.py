"""What the commands share that restore files: `deblur`, `request`."""
