"""Building blocks that the networks share: convolution with norm, residual block, scale changes.

All functions wire layers into a functional graph and return its tensor. Features are float
`(batch, height, width, channels)`, dimensionless.
"""

import inspect
import math

from keras import layers

from tfdeblur.near import did_you_mean
from tfdeblur.networks.convolution import Conv2D

NORMS = ("batch", "group", "none")
_OF_KERAS = ("name", "trainable")


def check_choice(name, value, choices):
    """Raises ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {list(choices)}. Received: {name}={value!r}")


def check_options(network, options):
    """Raises TypeError if a network is given an argument that it does not have.

    Keras passes over what a functional model's constructor does not know: a misspelt width would
    build the whole network.

    Args:
        network: of whatever class, still without its layers.
        options: dict, what its constructor got beside its own arguments.
    """
    valid = [*inspect.signature(type(network).__init__).parameters, *_OF_KERAS]
    valid = [name for name in valid if name not in ("self", "kwargs")]
    for name in options:
        if name == "dtype":
            raise TypeError(
                f"{type(network).__name__} takes its arithmetic from Keras: call "
                "keras.config.set_dtype_policy before it is built. Received: "
                f"dtype={options[name]!r}"
            )
        if name not in valid:
            hint = did_you_mean(name, valid) or f" There are: {', '.join(valid)}"
            raise TypeError(f"{type(network).__name__} has no argument {name!r}.{hint}")


def check_width(width):
    """Raises ValueError unless `width` is a positive number."""
    if not (isinstance(width, int | float) and width > 0):
        raise ValueError(f"`width` must be a positive number. Received: width={width!r}")


def check_channels(channels, even=False):
    """Raises ValueError unless `channels` are at least two whole numbers >= 1, even if asked."""
    step = 2 if even else 1
    if not (
        _are_whole(channels, least=step)
        and len(channels) >= 2
        and all(count % step == 0 for count in channels)
    ):
        raise ValueError(
            f"`channels` must be at least two whole numbers >= {step}, one a scale"
            f"{', even ones for gated blocks' if even else ''}. Received: channels={channels!r}"
        )


def check_depths(depths, scales):
    """Raises ValueError unless `depths` are whole numbers >= 0, as many as `scales` scales need."""
    if not (_are_whole(depths, least=0) and len(depths) == 2 * scales - 1):
        raise ValueError(
            f"`depths` must be {2 * scales - 1} whole numbers >= 0 for {scales} scales, "
            f"{scales - 1} going down and {scales} coming up. Received: depths={depths!r}"
        )


def _are_whole(numbers, least):
    return isinstance(numbers, list | tuple) and all(
        isinstance(number, int) and not isinstance(number, bool) and number >= least
        for number in numbers
    )


def scaled(channels, width):
    """Number of channels after scaling by `width`: rounded, at least 1."""
    return max(1, round(channels * width))


def normalise(x, norm, name):
    """Batch norm, group norm (8 groups where they divide the channels) or nothing."""
    if norm == "batch":
        # 0.9 rather than Keras's 0.99: with the paper's batch of one, statistics that trail the
        # weights by hundreds of steps make the evaluation jump (docs/howto/train.md).
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
    if norm == "group":
        groups = math.gcd(8, x.shape[-1])
        return layers.GroupNormalization(groups, epsilon=1e-5, name=f"{name}_norm")(x)
    return x


def conv(
    x,
    channels,
    size,
    name,
    norm,
    stride=1,
    dilation=1,
    activate=True,
    initializer="glorot_uniform",
):
    """Convolution, norm, ReLU (the last one unless `activate` is False)."""
    x = Conv2D(
        channels,
        size,
        stride,
        padding="same",
        dilation_rate=dilation,
        use_bias=norm == "none",
        kernel_initializer=initializer,
        name=f"{name}_conv",
    )(x)
    x = normalise(x, norm, name)
    return layers.ReLU(name=f"{name}_relu")(x) if activate else x


def upsample(x, channels, name, norm):
    """5x5 transposed convolution with stride 2 (002, section 4.1), norm, ReLU."""
    x = layers.Conv2DTranspose(
        channels, 5, 2, padding="same", use_bias=norm == "none", name=f"{name}_conv"
    )(x)
    x = normalise(x, norm, name)
    return layers.ReLU(name=f"{name}_relu")(x)


def residual_block(x, name, norm, convolutions=2):
    """Adds `convolutions` 3x3 convolutions' result to `x`; the sum itself is not rectified.

    With one convolution (variant BS-cR) the ReLU stays on it, otherwise the block would be linear.
    """
    channels = x.shape[-1]
    y = x
    for i in range(convolutions):
        last = i == convolutions - 1
        y = conv(y, channels, 3, f"{name}_{i}", norm, activate=not last or convolutions == 1)
    return layers.Add(name=f"{name}_add")([x, y])


def residual_downsample(x, channels, name, norm):
    """Halves the size: ReLU(pool(x) + conv5x5(x)), orange box of figure 5 (002, section 4.1).

    Decision: max pooling, and a 1x1 convolution on the pooled copy where channels differ.
    """
    residual = conv(x, channels, 5, f"{name}_residual", norm, stride=2, activate=False)
    pooled = layers.MaxPooling2D(2, padding="same", name=f"{name}_pool")(x)
    if pooled.shape[-1] != channels:
        pooled = Conv2D(channels, 1, name=f"{name}_match")(pooled)
    x = layers.Add(name=f"{name}_add")([pooled, residual])
    return layers.ReLU(name=f"{name}_relu")(x)
