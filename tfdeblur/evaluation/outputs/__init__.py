"""Scores of folders of images, whoever made them, side by side, with statistics."""
