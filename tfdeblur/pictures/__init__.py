"""Pictures to look at: captioned panels, comparisons, curves; NumPy and OpenCV only."""
