"""Blind deblurring: the motion is estimated, undone and cleaned up by turns (RP-GAN)."""
