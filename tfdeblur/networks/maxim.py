"""MAXIM: an encoder-decoder of multi-axis gated MLPs, in one to three stages (keras only)."""

import keras
import numpy as np
from keras import layers

from tfdeblur.networks.blocks import check_choice, check_options
from tfdeblur.networks.gradients import GELU_FORMS
from tfdeblur.networks.maxim_blocks import (
    bottleneck,
    conv,
    cross_gating,
    double,
    encoder_features,
    rescaled,
    supervised_attention,
)
from tfdeblur.networks.maxim_layers import CellMixing, ChannelDense
from tfdeblur.networks.maxim_windows import BLOCK, Cells

STAGES = (1, 2, 3)
SCALES = 3
_CELLS = Cells(16, 64), Cells(16, 32), Cells(8, 16)  # at each scale
_CELLS_BELOW = Cells(8, 8)  # in the bottleneck
_BOTTLENECKS = 2
_GROUPS = 2
_WIRING = 2  # counts changes of the order in which the layers stand; see `load_own_variables`


@keras.saving.register_keras_serializable("tfdeblur")
class Maxim(keras.Model):
    """Restores an image at three scales, once per stage; the published network has three stages.

    Args:
        stages: 1, 2 or 3. Each but the first sees image and features of the one before.
        features: int, channels at full size, a multiple of 4; twice and four times as many at
            1/2 and 1/4.
        gelu: "tanh", as the published network, or "erf": a tenth faster on x86 processors, and
            the form that bfloat16 is fast with there; at most 5e-4 apart in each activation.
        window: int, pixels, a multiple of 64: larger images are mixed over the grid in windows of
            this side, each by itself, in training as well. None: over the whole image, as
            published; frames of 1280 x 720 come out about 0.1 dB worse so (docs/experiments.md).

    Call arguments:
        image: float `(batch, height, width, 3)`, values in [0, 1]; height and width are multiples
            of 64 (`Maxim.size_multiple`; `image.padding.pad_to_multiple` sees to it).
        training: bool.

    Returns:
        float32 `(batch, height, width, 3)`, not clipped: clip once, when encoding. With
        `training=True` what `images` gives, for a loss over all scales.

    Raises:
        ValueError: if `stages`, `features`, `gelu` or `window` is not one of the above.

    Source: Tu et al., MAXIM: Multi-Axis MLP for Image Processing, CVPR 2022, arXiv:2201.02973;
        configuration of its deblurring network; windows: see `maxim_windows`. Enlarged features
        meet their 1x1 convolution before they are enlarged, which gives the same numbers.
    """

    size_multiple = 64
    constant_weights = True  # its norms are fused only so: see `gradients.layer_norm`
    operations_in_turn = True
    sees_whole_image = True  # by channel attention's means and by where windows lie
    # Of what `restorers.memory` takes for the peak, 1,920 bytes a pixel. Measured on two cores with
    # oneDNN, float32, one operation at a time: 1,900 to 2,250 at 768 x 704 and 1,760 at 1280 x 768
    # alone, 2,860 in tiles of a photograph of 3840 x 2160.
    memory_factor = 1.44

    def __init__(self, stages=1, features=32, gelu="tanh", window=512, **kwargs):
        check_options(self, kwargs)
        check_choice("stages", stages, STAGES)
        check_choice("gelu", gelu, GELU_FORMS)
        if not (isinstance(features, int) and features >= 4 and features % 4 == 0):
            raise ValueError(
                f"`features` must be a positive multiple of 4. Received: features={features!r}"
            )
        if not (window is None or (isinstance(window, int) and window > 0 and window % BLOCK == 0)):
            raise ValueError(
                f"`window` must be None or a positive multiple of {BLOCK}. "
                f"Received: window={window!r}"
            )
        # Graph: every weight exists once __init__ returns, so optimizers can be built.
        image = keras.Input((None, None, 3), name="image")
        images = _restore(image, stages, features)
        # All images are outputs, so that what makes the smaller ones belongs to the network.
        super().__init__(image, [one for of_stage in images for one in of_stage], **kwargs)

        # Config: one attribute per constructor argument, same name, same value.
        self.stages = stages
        self.features = features
        self.gelu = gelu
        self.window = window
        for layer in self.layers:
            if isinstance(layer, ChannelDense):
                layer.gelu = gelu
            elif isinstance(layer, CellMixing):
                layer.window = window and window // BLOCK

    def call(self, image, training=None, mask=None):
        """See the class."""
        images = self.images(image, training)
        return images if training else images[-1][0]

    def compute_output_spec(self, image, training=None, mask=None):
        """As `call`, for symbolic images."""
        found = _by_stage(super().compute_output_spec(image))
        return found if training else found[-1][0]

    @property
    def output_shape(self):
        """Of the image that `call` returns without training."""
        return self.input_shape

    def images(self, image, training=False):
        """The restored images of every stage at every scale.

        Args:
            image: as in the call.
            training: bool; gradients are cheap to compute with True only.

        Returns:
            list over stages, the last one last, of lists over scales: float32 `(batch, height,
            width, 3)` at full size, then at 1/2 and 1/4, not clipped. Their targets are
            `at_scale` of the sharp image.
        """
        return _by_stage(super().call(image, training=training))

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **{"stages": self.stages, "features": self.features, "gelu": self.gelu},
            **{"window": self.window, "name": self.name},
        }

    def save_own_variables(self, store):
        """Writes down the order of the layers: files of weights number them."""
        store["wiring"] = np.asarray(_WIRING)

    def load_own_variables(self, store):
        """Checks that order.

        Raises:
            ValueError: if the file was written with another one: weights would change places.
        """
        found = int(np.asarray(store["wiring"])) if "wiring" in store.keys() else 1
        if found != _WIRING:
            raise ValueError(
                f"the file holds a Maxim of wiring {found}, and this version reads {_WIRING}: "
                "make it again (`tfdeblur convert maxim`, or train anew from a preset)"
            )


def at_scale(image, scale):
    """The image at 1 / 2**scale of its size, as the network sees it: by nearest neighbour.

    Of every 2 (4) pixels along an axis the second (third) is taken: the nearest to the middle,
    the later one where two are.
    """
    step = 2**scale
    return image[:, step // 2 :: step, step // 2 :: step]


def _by_stage(images):
    return [list(images[i : i + SCALES]) for i in range(0, len(images), SCALES)]


def _restore(image, stages, features):
    """Restored images of every stage at every scale."""
    inputs = [at_scale(image, scale) for scale in range(SCALES)]
    images, before = [], None
    for stage in range(stages):
        name = f"stage{stage}"
        encoded, below = _encode(inputs, before, features, name)
        decoded = _decode(encoded, below, features, name)
        residuals = [conv(decoded[i], 3, 3, f"{name}_output{i}") for i in range(SCALES)]
        # In float32 under any policy: bfloat16 would round the image itself to 8 bits.
        images.append(
            [
                layers.Add(dtype="float32", name=f"{name}_restored{i}")([inputs[i], residuals[i]])
                for i in range(SCALES)
            ]
        )
        if stage + 1 < stages:
            attended = [
                supervised_attention(decoded[i], images[-1][i], f"{name}_attend{i}")
                for i in range(SCALES)
            ]
            before = attended, encoded, decoded
    return images


def _encode(inputs, before, features, name):
    """Features of each scale on the way down (the bridges), and those below the smallest."""
    seen = [conv(inputs[i], features * 2**i, 3, f"{name}_input{i}") for i in range(SCALES)]
    if before:
        attended = before[0]
        seen = [
            cross_gating(seen[i], attended[i], features * 2**i, _CELLS[i], f"{name}_fuse{i}")[0]
            for i in range(SCALES)
        ]
    x, bridges = seen[0], []
    for scale in range(SCALES):
        channels, place = features * 2**scale, f"{name}_encoder{scale}"
        joined = layers.Concatenate(name=f"{place}_join")([x, seen[scale]])
        x = encoder_features(joined, channels, _CELLS[scale], _GROUPS, place)
        if before:
            earlier = before[1][scale] + before[2][scale]
            x, _ = cross_gating(x, earlier, channels, _CELLS[scale], f"{place}_gating")
        bridges.append(x)
        x = conv(x, channels, 4, f"{place}_down", stride=2)
    for place in (f"{name}_bottleneck{i}" for i in range(_BOTTLENECKS)):
        x = bottleneck(x, channels, _CELLS_BELOW, _GROUPS, place)
    return bridges, x


def _decode(bridges, below, features, name):
    """Features of each scale on the way up, full size first."""
    skips, y = [None] * SCALES, below
    for scale in reversed(range(SCALES)):
        place = f"{name}_gating{scale}"
        x = _brought_to(scale, bridges, features, f"{name}_bridge{scale}")
        y = double(y, features * 2**scale, f"{place}_up")
        skips[scale], y = cross_gating(x, y, features * 2**scale, _CELLS[scale], place)
    decoded, x = [None] * SCALES, below
    for scale in reversed(range(SCALES)):
        channels, place = features * 2**scale, f"{name}_decoder{scale}"
        x = double(x, channels, f"{place}_up")
        skip = _brought_to(scale, skips, features, f"{name}_skip{scale}", downwards=False)
        joined = layers.Concatenate(name=f"{place}_join")([x, skip])
        x = encoder_features(joined, channels, _CELLS[scale], _GROUPS, place)
        decoded[scale] = x
    return decoded


def _brought_to(scale, found, features, name, downwards=True):
    """Features of all scales at one of them, joined; the published order differs by direction."""
    order = range(SCALES) if downwards else reversed(range(SCALES))
    brought = [
        rescaled(found[other], features * 2**scale, 2.0 ** (other - scale), f"{name}_from{other}")
        for other in order
    ]
    return layers.Concatenate(name=f"{name}_join")(brought)
