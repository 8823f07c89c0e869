"""What sizes of images the network of a run can take."""

from tfdeblur.config.sections import NetworkConfig, TrainConfig


def size_multiple(config: TrainConfig) -> int:
    """Pixels that the sides of its images must be a multiple of, as the network itself says.

    Known before there is a network: of RP-GAN it is the larger one of SEN without unshuffling
    and the generator, so that the same crops suit both.
    """
    if config.model == "biskip":
        return _of_bi_skip(config.network)
    if config.model == "sen":
        return config.network.unshuffle * (64 if config.sen.front == "strided" else 16)
    if config.model == "rpgan" and config.rpgan.prior == "biskip":
        return max(64, _of_bi_skip(config.network))
    return 64


def scales_of(network: NetworkConfig) -> int:
    """How many scales Bi-Skip has."""
    return len(network.channels) or {"residual": 5, "gated": 4}[network.blocks]


def _of_bi_skip(network: NetworkConfig) -> int:
    return network.unshuffle * 2 ** (scales_of(network) - 1)
