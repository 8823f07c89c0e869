"""What restores a photograph: networks, RP-GAN, a known motion."""
