"""The page of a comparison: one HTML file that opens from disk, with its pictures beside it."""
