"""The kinds of restorers, a file each."""
