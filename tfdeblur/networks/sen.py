"""SEN: estimates the motion flow of a blurred image with stacked encoder-decoders (keras only)."""

import keras
from keras import layers, ops

from tfdeblur.networks.blocks import NORMS, check_choice, check_options, check_width, conv, scaled
from tfdeblur.networks.folding import check_unshuffle, fold, unfold

FRONTS = ("strided", "dilated")
_FRONT = ((64, 7, 1), (128, 5, 2), (256, 5, 2))  # channels, size, and stride or dilation
_DOWN = (256, 512, 512, 512)
_UP = (512, 512, 256, 128)


@keras.saving.register_keras_serializable("tfdeblur")
class SEN(keras.Model):
    """Estimates the motion of every pixel during the exposure.

    Args:
        stacks: int >= 1. The first stack sees the image; each further one sees the image and the
            flow of the one before it.
        front: "strided": the first three convolutions have strides 1, 2, 2, as the appendix
            lists them, and the flow is enlarged four times, bilinearly, at the end; "dilated":
            they have dilations 1, 2, 2, as the text says, and all runs at full resolution, which
            costs about 14 times as much.
        width: float > 0, multiplies all channel counts but the flow's.
        norm: "batch" (the paper), "group" (8 groups) or "none".
        unshuffle: 1 (the paper), 2 or 4: each stack sees cells of so many by so many pixels as one
            pixel, and says the flow of every pixel in it (`folding`); of every fourth one where
            the front is strided, as without it.

    Call arguments:
        image: float `(batch, height, width, 3)`, values in [0, 1]; height and width are multiples
            of `size_multiple`: 64 with the strided front, 16 with the dilated one, times
            `unshuffle`.

    Returns:
        float32 `(batch, height, width, 2)`, (u, v) in pixels, u right and v down, of the last
        stack; either sign, not canonical.

    Raises:
        ValueError: if `stacks`, `front`, `width`, `norm` or `unshuffle` is not one of the above.

    Source: the motion-flow paper, section 3, figure 8 and appendix A. Decisions where it is
        silent: nearest-neighbour enlargement; features of the same scale on the way down join
        after the block of the way up; no norm and no ReLU on the outputs of the last block, as
        flows may be negative. 72.1 M parameters with two stacks. Unshuffling is ours.
    """

    def __init__(self, stacks=2, front="strided", width=1.0, norm="batch", unshuffle=1, **kwargs):
        check_options(self, kwargs)
        if not (isinstance(stacks, int) and stacks >= 1):
            raise ValueError(f"`stacks` must be a whole number >= 1. Received: stacks={stacks!r}")
        check_choice("front", front, FRONTS)
        check_choice("norm", norm, NORMS)
        check_width(width)
        check_unshuffle(unshuffle)

        estimators = [_stack(i, front, width, norm, unshuffle) for i in range(stacks)]
        image = keras.Input((None, None, 3), name="image")
        super().__init__(image, _chain(estimators, image)[-1], **kwargs)

        # Config: one attribute per constructor argument, same name, same value.
        self.stacks = stacks
        self.front = front
        self.width = width
        self.norm = norm
        self.unshuffle = unshuffle
        self.size_multiple = unshuffle * (64 if front == "strided" else 16)

    @property
    def estimators(self):
        """The stacks, first to last, each a `keras.Model`; what is frozen between phases."""
        return [self.get_layer(f"stack{i}") for i in range(self.stacks)]

    def all_stacks(self, image, training=False):
        """The flow of every stack, first to last; arguments and shapes as in a call."""
        return _chain(self.estimators, image, training=training)

    def first_stacks(self, count):
        """A new SEN of the first `count` stacks, with copies of their weights."""
        config = {**self.get_config(), "stacks": count}
        network = type(self)(**config)
        for ours, copy in zip(self.estimators, network.estimators, strict=False):
            copy.set_weights(ours.get_weights())
        return network

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "stacks": self.stacks,
            "front": self.front,
            "width": self.width,
            "norm": self.norm,
            "unshuffle": self.unshuffle,
            "name": self.name,
        }


def _chain(estimators, image, **options):
    """Flows of all stacks; each after the first sees the one before as two more channels."""
    flows = []
    for estimator in estimators:
        flows.append(estimator(seen_by(image, flows[-1] if flows else None), **options))
    return flows


def seen_by(image, flow=None):
    """What a stack looks at: the image, and the flow of the stack before it if there is one."""
    if flow is None:
        return image
    return ops.concatenate([ops.cast(image, "float32"), flow], axis=-1)


def _stack(number, front, width, norm, unshuffle):
    """One encoder-decoder: image (and flow) -> flow."""
    seen = keras.Input((None, None, 3 if number == 0 else 5), name="seen")
    x = _front(fold(seen, unshuffle), front, width, norm)
    mirror = []
    for i, channels in enumerate(_DOWN):
        mirror.append(x)
        x = layers.MaxPooling2D(2, name=f"pool{i}")(x)
        x = res2(x, scaled(channels, width), f"down{i}", norm)
    for i, channels in enumerate(_UP):
        x = layers.UpSampling2D(2, name=f"enlarge{i}")(x)
        x = res2(x, scaled(channels, width), f"up{i}", norm)
        x = layers.Concatenate(name=f"join{i}")([x, mirror.pop()])
    x = res2(x, scaled(64, width), "last", norm)
    flow = res2(x, 2 * unshuffle**2, "flow", norm, linear=True)
    flow = unfold(flow, unshuffle, dtype="float32")  # first: a flow is enlarged, not its phases
    if front == "strided":
        flow = Enlarge(4, dtype="float32", name="full")(flow)
    return keras.Model(seen, flow, name=f"stack{number}")


def _front(x, front, width, norm):
    """Three convolutions of growing width that see far."""
    for i, (channels, size, step) in enumerate(_FRONT):
        steps = {"stride": step} if front == "strided" else {"dilation": step}
        x = conv(x, scaled(channels, width), size, f"front{i}", norm, **steps)
    return x


@keras.saving.register_keras_serializable("tfdeblur")
class Enlarge(layers.Layer):
    """Bilinear enlargement by a whole factor, for images whose size a graph does not know.

    Gives what `UpSampling2D(interpolation="bilinear")` gives; that one, in Keras 3.15, wants
    height and width to be known.

    Args:
        factor: int >= 1.
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        """`(batch, height, width, c)` to `(batch, factor height, factor width, c)`."""
        batch, height, width, channels = ops.shape(x)
        height, width = height * self.factor, width * self.factor
        x = ops.reshape(self._between(x, axis=1), (batch, height, -1, channels))
        return ops.reshape(self._between(x, axis=2), (batch, height, width, channels))

    def compute_output_shape(self, input_shape):
        """Height and width times the factor, where they are known."""
        batch, *sides, channels = input_shape
        return (batch, *(side and side * self.factor for side in sides), channels)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "factor": self.factor}

    def _between(self, x, axis):
        """A new axis after `axis`: the values at the places that each pixel is split into."""
        if axis == 1:
            before = ops.concatenate([x[:, :1], x[:, :-1]], axis=1)
            after = ops.concatenate([x[:, 1:], x[:, -1:]], axis=1)
        else:
            before = ops.concatenate([x[:, :, :1], x[:, :, :-1]], axis=2)
            after = ops.concatenate([x[:, :, 1:], x[:, :, -1:]], axis=2)
        values = []
        for i in range(self.factor):
            place = (i + 0.5) / self.factor - 0.5  # from the pixel's middle, in pixels
            other = before if place < 0 else after
            values.append((1 - abs(place)) * x + abs(place) * other)
        return ops.stack(values, axis=axis + 1)


def res2(x, channels, name, norm, linear=False):
    """Residual block with a convolution on its shortcut (Res2 of appendix A).

    Args:
        x: features.
        channels: int, of the result; the two inner convolutions have half of it, rounded up.
        name: str, prefix of the layers.
        norm: as in `blocks.conv`.
        linear: whether the result may be negative: no norm and no ReLU on either summand, and
            float32 under any policy.
    """
    half = (channels + 1) // 2
    y = conv(x, half, 3, f"{name}_a", norm)
    y = conv(y, half, 3, f"{name}_b", norm)
    if linear:
        summands = [
            layers.Conv2D(channels, 3, padding="same", dtype="float32", name=f"{name}_{part}")(z)
            for part, z in (("c", y), ("shortcut", x))
        ]
        return layers.Add(dtype="float32", name=f"{name}_sum")(summands)
    y = conv(y, channels, 3, f"{name}_c", norm)
    shortcut = conv(x, channels, 3, f"{name}_shortcut", norm)
    return layers.Add(name=f"{name}_sum")([y, shortcut])
