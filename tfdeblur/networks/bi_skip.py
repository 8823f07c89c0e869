"""Bi-Skip: an encoder-decoder whose skips carry shallow and deep features (keras only)."""

import keras
from keras import layers

from tfdeblur.networks.blocks import (
    NORMS,
    check_choice,
    check_width,
    conv,
    residual_block,
    residual_downsample,
    scaled,
    upsample,
)

VARIANTS = ("BS", "S", "BS-cR", "BS-w/o-R")
IMAGES = (1, 2)
_CHANNELS = (32, 64, 128, 128, 128)
_SKIP_CHANNELS = (16, 32, 64, 64)
_RESIDUAL_BLOCKS = 3


@keras.saving.register_keras_serializable("tfdeblur")
class BiSkip(keras.Model):
    """Predicts the residual between a blurred image and its sharp partner at five scales.

    Args:
        variant: str, section 4.1's models. "BS": shallow and deep skips, three residual blocks of
            two convolutions per scale; "S": no residual blocks, no deep skips; "BS-cR": one
            convolution per residual block; "BS-w/o-R": deep skips, no residual blocks.
        width: float > 0, multiplies all channel counts (1.0 is the paper's network).
        norm: "batch" (the paper), "group" (8 groups) or "none", after every convolution but the
            last and the 1x1 ones that match channels.
        head_initializer: str, initializer of the last layer. The paper uses Xavier throughout;
            "zeros" starts training at output = input, which suits short runs.
        images: 1 or 2. With 2 it is a prior for half-quadratic splitting, called as
            `RPGANGenerator` is: it sees a deconvolved image and the observed one, and predicts
            what is wrong with the deconvolved one.

    Call arguments:
        image: float `(batch, height, width, 3)`, values in [0, 1]; with two images
            `(batch, height, width, 6)`, the deconvolved image, not clipped, and the observed
            one, concatenated along the channels; height and width are multiples of 16
            (`BiSkip.size_multiple`; `image.padding.pad_to_multiple` sees to it).

    Returns:
        float `(batch, height, width, 3)`, the (first) image plus the residual, not clipped: clip
        once, when encoding.

    Raises:
        ValueError: if `variant`, `width`, `norm` or `images` is not one of the above.

    Source: Zhang et al., Bi-Skip, 2019, section 4.1 and figure 5. Channels [32, 64, 128, 128, 128],
        skips [16, 32, 64, 64]. Decisions where the paper is silent: ReLU after every norm, max
        pooling on the way down, and the smallest scale, where nothing is joined, keeps the 3x3 and
        1x1 convolutions of the expansive path: 5.6 M parameters. Two images are ours: the paper
        has one; RP-GAN's generator (the motion-flow paper, section 4.2.1) has two.
    """

    size_multiple = 16

    def __init__(
        self,
        variant="BS",
        width=1.0,
        norm="batch",
        head_initializer="glorot_uniform",
        images=1,
        **kwargs,
    ):
        check_choice("variant", variant, VARIANTS)
        check_choice("norm", norm, NORMS)
        check_choice("images", images, IMAGES)
        check_width(width)

        # Graph: every weight exists once __init__ returns, so optimizers can be built.
        seen = keras.Input((None, None, 3 * images), name="image" if images == 1 else "images")
        smallest, skips = _contract(seen, variant, width, norm)
        features = _expand(smallest, skips, width, norm)
        residual = layers.Conv2D(
            3, 1, name="head", kernel_initializer=keras.initializers.get(head_initializer)
        )(features)
        # In float32 under any policy: bfloat16 would round the image itself to 8 bits.
        image = seen if images == 1 else seen[..., :3]
        restored = layers.Add(dtype="float32", name="restored")([image, residual])
        super().__init__(seen, restored, **kwargs)

        # Config: one attribute per constructor argument, same name, same value.
        self.variant = variant
        self.width = width
        self.norm = norm
        self.head_initializer = head_initializer
        self.images = images

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "variant": self.variant,
            "width": self.width,
            "norm": self.norm,
            "head_initializer": self.head_initializer,
            "images": self.images,
            "name": self.name,
        }


def _contract(x, variant, width, norm):
    """Contracting and skipping paths: the smallest scale, and per scale the list of its skips."""
    convolutions = {"BS": 2, "BS-cR": 1}.get(variant, 0)
    skips = []
    for scale, skip_channels in enumerate(_SKIP_CHANNELS):
        skip_channels = scaled(skip_channels, width)
        x = conv(x, scaled(_CHANNELS[scale], width), 3, f"down{scale}", norm)
        joined = [conv(x, skip_channels, 1, f"shallow{scale}", norm)]
        if convolutions:
            for block in range(_RESIDUAL_BLOCKS):
                x = residual_block(x, f"res{scale}{'abc'[block]}", norm, convolutions)
        if variant != "S":
            joined.append(conv(x, skip_channels, 3, f"deep{scale}", norm))
        skips.append(joined)
        x = residual_downsample(x, scaled(_CHANNELS[scale + 1], width), f"to{scale + 1}", norm)
    return x, skips


def _expand(x, skips, width, norm):
    """Expansive path, from the smallest scale to the image's own size.

    At the top scale the head takes the place of the 1x1 convolution.
    """
    smallest = len(skips)
    for scale in range(smallest, -1, -1):
        channels = scaled(_CHANNELS[scale], width)
        if scale < smallest:
            x = upsample(x, channels, f"up{scale}", norm)
            x = layers.Concatenate(name=f"join{scale}")([x, *skips[scale]])
        x = conv(x, channels, 3, f"merge{scale}", norm)
        if scale > 0:
            x = conv(x, channels, 1, f"mix{scale}", norm)
    return x
