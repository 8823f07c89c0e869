"""How far a network sees: what a border that is not the picture's own changes, by the distance.

A picture is restored whole, and cut off at a line; told are the differences of both in levels of
8 bits, by the distance from the line, and over the mean change that the network makes. Tiles must
overlap by so much that what is left at the overlap minus 16 pixels cannot be seen
(`tfdeblur.image.tiling`).
"""

import contextlib
from pathlib import Path

from _common import finish, parser

DISTANCES = (16, 32, 48, 64, 80, 96, 112, 144, 176, 208, 240)


def read_arguments():
    """The command line."""
    made = parser(__doc__, repeats=1)
    made.add_argument("pictures", type=Path, nargs="+", help="blurred, of 1024x512 or more")
    made.add_argument("--model", metavar="NAME", help="trained; else one of random weights")
    made.add_argument("--preset", default="biskip", help="settings of it (default: biskip)")
    made.add_argument("--unshuffle", type=int, help="of it (default: the preset's)")
    return made.parse_args()


def network_of(arguments):
    """The network, and what it is in words."""
    if arguments.model:
        from tfdeblur.models.load import load_network

        return load_network(arguments.model), arguments.model
    import keras

    from tfdeblur.config import override
    from tfdeblur.presets import preset
    from tfdeblur.training.build_rp_gan import build_bi_skip

    settings = {"network.head_initializer": "glorot_uniform"}
    if arguments.unshuffle:
        settings["network.unshuffle"] = arguments.unshuffle
    config = override(preset(arguments.preset), settings)
    keras.utils.set_random_seed(1)
    network = build_bi_skip(config.network, "BS")
    return network, f"{arguments.preset}, unshuffle {network.unshuffle}, random weights"


def differences(restore, image):
    """Levels by distance from a cut in the middle: `(mean, largest)`; and the mean change."""
    import numpy as np

    middle = image.shape[1] // 2
    whole = restore(image)
    cut = restore(image[:, :middle])
    levels = 255 * np.abs(whole[:, :middle] - cut)[:, ::-1]  # from the cut on
    change = 255 * np.abs(whole - image).mean()
    bands = [levels[:, at : at + 16] for at in DISTANCES]
    return [(float(band.mean()), float(band.max())) for band in bands], float(change)


def main():
    """Measures and prints."""
    arguments = read_arguments()
    import numpy as np

    from tfdeblur.image.codec import read_image, to_float
    from tfdeblur.restorers.graph import inference_function

    network, name = network_of(arguments)
    run = inference_function(network)
    images = [to_float(read_image(path).rgb[:512, :1024]) for path in arguments.pictures]
    found = [differences(lambda image: run(image[None])[0].numpy(), image) for image in images]
    means = np.mean([[mean for mean, _ in bands] for bands, _ in found], axis=0)
    most = np.max([[largest for _, largest in bands] for bands, _ in found], axis=0)
    change = float(np.mean([change for _, change in found]))
    print(f"{name}: changes a picture by {change:.2f} levels on average")
    print("distance, px   mean, levels   largest   mean over the change")
    for distance, mean, largest in zip(DISTANCES, means, most, strict=True):
        print(f"{distance:12d}   {mean:12.4f}   {largest:7.3f}   {mean / change:20.5f}")
    finish(arguments, [{"distances": DISTANCES, "mean": means.tolist(), "most": most.tolist()}])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
