"""Whether pairs are what they claim to be: aligned, not swapped, with the middle of the blur."""
