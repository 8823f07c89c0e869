"""What the commands share that measure: `evaluate`, `experiment`."""
