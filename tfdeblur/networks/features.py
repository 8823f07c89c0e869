"""VGG features for the perceptual loss, cut at a named layer (keras only)."""

import os
import re
import zipfile

import keras
import numpy as np
from keras import layers

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.near import did_you_mean

# Convolutions per block (Simonyan and Zisserman 2015, table 1, columns D and E).
_CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_CHANNELS = (64, 128, 256, 512, 512)

# Mean of ImageNet's training images, blue green red, 8-bit levels.
_MEAN_BGR = (103.939, 116.779, 123.68)

_WAYS_OUT = (
    "Give a file (--vgg FILE): a .npz with arrays blockB_convC.kernel and blockB_convC.bias, or "
    "Keras's own for include_top=False (.h5); or let Keras fetch it (--vgg imagenet) on a machine "
    "with network access; or train a scheme without the letter P (--scheme 1-BS), which needs no "
    "VGG. In Python: weights=FILE, weights='imagenet'."
)


@keras.saving.register_keras_serializable("tfdeblur")
class VGGFeatures(keras.Model):
    """Features of VGG at one convolution, with frozen weights.

    Only the layers up to the cut are built. No weight is trainable; gradients flow through to
    the image.

    Do not keep one as an attribute of a trainer: Keras saves every network it finds there, so
    each checkpoint would carry these constants, and one made without them would not load. Let
    `PerceptualLoss` or `BiLevelContent` hold it. (A `Loss` alone would not do either: saving
    looks into losses too. Ours hold it where saving does not look.)

    Args:
        architecture: "vgg19" or "vgg16".
        layer: str, the convolution to cut at, "block1_conv1" ... "block5_conv4" ("block5_conv3").
        weights: where the weights come from:
            path of a `.npz` with arrays `blockB_convC.kernel` `(3, 3, in, out)` and
            `blockB_convC.bias` `(out,)`; layers beyond the cut need not be in it;
            path of a `.h5` that Keras wrote for `include_top=False`;
            "imagenet": Keras's own download (needs network access the first time);
            "random:SEED": He-normal numbers, for tests and for measuring speed.
        dtype: what the convolutions compute in, "float32" whatever the global policy, or
            for speed "mixed_bfloat16". The preprocessing is always float32.
        after_relu: bool, whether the features are what is left of it after the ReLU.

    Call arguments:
        image: float `(batch, height, width, 3)`, RGB, [0, 1], not clipped here. Height and width
            at least 2^(block - 1), or nothing is left after pooling.

    Returns:
        float `(batch, height / 2^(block - 1), width / 2^(block - 1), channels)`, rounded down,
        any sign, in the units of the network (its input is 8-bit levels).

    Raises:
        InvalidInput: if `architecture` or `layer` is unknown, or the image is too small.
        DataError: if the weights are missing, incomplete, of another shape or unreadable.

    Source: Simonyan and Zisserman, ICLR 2015, arXiv:1409.1556; Bi-Skip, section 4.2, uses a VGG19
        trained on ImageNet and names no layer. Decision: conv3_3 before relu.
    """

    def __init__(
        self,
        architecture="vgg19",
        layer="block3_conv3",
        weights="imagenet",
        dtype="float32",
        name="vgg_features",
        after_relu=False,
    ):
        _check_cut(architecture, layer)
        image = keras.Input((None, None, 3), dtype="float32", name="image")
        x = image[..., ::-1] * 255.0 - np.array(_MEAN_BGR, "float32")  # RGB [0, 1] -> BGR levels
        convolutions = {}
        for convolution in _layers_up_to(architecture, layer):
            if convolution.endswith("conv1") and not convolution.startswith("block1"):
                x = layers.MaxPooling2D(2, dtype=dtype)(x)
            convolutions[convolution] = layers.Conv2D(
                _CHANNELS[int(convolution[5]) - 1],
                3,
                padding="same",
                activation="linear" if convolution == layer and not after_relu else "relu",
                dtype=dtype,
                name=convolution,
            )
            x = convolutions[convolution](x)
        super().__init__(image, x, name=name)
        _fill(convolutions, architecture, str(weights))
        self.trainable = False

        self.architecture = architecture
        self.layer = layer
        self.weights_source = str(weights)
        self.convolution_dtype = dtype
        self.after_relu = after_relu

    def call(self, image, training=None, mask=None):
        """Features of the image; see the class."""
        smallest = 2 ** (int(self.layer[5]) - 1)
        if any(size is not None and size < smallest for size in image.shape[1:3]):
            raise InvalidInput(
                f"`image` must be at least {smallest}x{smallest} pixels for features of "
                f"{self.layer}. Received: image of shape {tuple(image.shape)}"
            )
        return super().call(image, training=training, mask=mask)

    def get_config(self):
        """Constructor arguments; the weights by name only, so their file must still be there."""
        return {
            "architecture": self.architecture,
            "layer": self.layer,
            "weights": self.weights_source,
            "dtype": self.convolution_dtype,
            "name": self.name,
            "after_relu": self.after_relu,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The network that `get_config` describes."""
        return cls(**config)


def _all_layers(architecture):
    return [
        f"block{block}_conv{number}"
        for block, count in enumerate(_CONVOLUTIONS[architecture], start=1)
        for number in range(1, count + 1)
    ]


def _layers_up_to(architecture, layer):
    names = _all_layers(architecture)
    return names[: names.index(layer) + 1]


def _check_cut(architecture, layer):
    if architecture not in _CONVOLUTIONS:
        raise InvalidInput(
            f'`architecture` must be "vgg16" or "vgg19". Received: architecture={architecture!r}'
        )
    names = _all_layers(architecture)
    if layer not in names:
        # "conv3_3" is how papers write it.
        spelled = re.sub(r"^conv(\d)_(\d)$", r"block\1_conv\2", str(layer))
        raise InvalidInput(
            f"`layer` must be a convolution of {architecture}: {', '.join(names)}. "
            f"Received: layer={layer!r}.{did_you_mean(spelled, names)}"
        )


def _fill(convolutions, architecture, weights):
    """Puts the weights that `weights` names into the convolutions."""
    if weights.startswith("random:"):
        _fill_at_random(convolutions, weights)
        return
    if weights == "imagenet":
        found = _from_keras(architecture, "imagenet", "Keras could not get the ImageNet weights")
    elif not os.path.isfile(weights):
        raise DataError(
            "`weights` must be a file that exists, 'imagenet' or 'random:SEED'. "
            f"Received: weights={weights!r}. {_WAYS_OUT}"
        )
    elif weights.endswith(".npz"):
        found = _from_npz(weights)
    elif weights.endswith(".h5"):
        found = _from_keras(
            architecture, weights, f"{weights} is not a weights file of {architecture}"
        )
    else:
        raise DataError(
            f"`weights` must end in .npz or .h5. Received: weights={weights!r}. {_WAYS_OUT}"
        )
    for name, convolution in convolutions.items():
        for part, variable in (("kernel", convolution.kernel), ("bias", convolution.bias)):
            _assign(variable, f"{name}.{part}", found, weights)


def _assign(variable, key, found, weights):
    if key not in found:
        held = ", ".join(sorted({name.partition(".")[0] for name in found})) or "nothing"
        raise DataError(
            f"{weights} has no {key}, which the features need. It holds: {held}. "
            "Cut at an earlier layer (layer=...), or pass a complete file."
        )
    value = found[key]
    if tuple(value.shape) != tuple(variable.shape):
        raise DataError(
            f"{weights} holds {key} of shape {tuple(value.shape)}; the network needs "
            f"{tuple(variable.shape)}. It belongs to another architecture or axis order."
        )
    if not np.all(np.isfinite(value)):
        raise DataError(f"{weights} holds NaN or infinity in {key}: the file is damaged.")
    variable.assign(value)


def _fill_at_random(convolutions, weights):
    try:
        seed = int(weights.removeprefix("random:"))
    except ValueError:
        raise InvalidInput(
            "`weights` must be random:SEED with a whole number as SEED. "
            f"Received: weights={weights!r}"
        ) from None
    rng = np.random.default_rng(seed)
    for convolution in convolutions.values():
        shape = tuple(convolution.kernel.shape)
        deviation = np.sqrt(2.0 / np.prod(shape[:-1]))
        convolution.kernel.assign(deviation * rng.standard_normal(shape))


def _from_npz(path):
    try:
        # Opened here: given a path, np.load leaves the file open when it turns out damaged.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as .npz: {error}. {_WAYS_OUT}") from error


def _from_keras(architecture, weights, complaint):
    build = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[architecture]
    try:
        network = build(include_top=False, weights=weights)
    # Keras raises plain Exception for a failed download, and ValueError, KeyError or OSError
    # for files of another network or format.
    except Exception as error:
        raise DataError(f"{complaint}: {error}. {_WAYS_OUT}") from error
    return {
        f"{layer.name}.{part}": np.asarray(getattr(layer, part))
        for layer in network.layers
        if isinstance(layer, layers.Conv2D)
        for part in ("kernel", "bias")
    }
