"""Bi-Skip: an encoder-decoder whose skips carry shallow and deep features (keras only)."""

import keras
from keras import layers

from tfdeblur.networks.blocks import (
    NORMS,
    check_channels,
    check_choice,
    check_depths,
    check_options,
    check_width,
    conv,
    residual_block,
    residual_downsample,
    scaled,
    upsample,
)
from tfdeblur.networks.folding import check_unshuffle, fold, overlap_of, unfold
from tfdeblur.networks.gated import gated_paths

VARIANTS = ("BS", "S", "BS-cR", "BS-w/o-R")
IMAGES = (1, 2)
BLOCKS = ("residual", "gated")
# By kind of block: channels from the largest scale to the smallest one, and blocks going down and
# coming up.
_CHANNELS = {"residual": (32, 64, 128, 128, 128), "gated": (48, 96, 128, 128)}
_DEPTHS = {"residual": (3, 3, 3, 3, 0, 0, 0, 0, 0), "gated": (2, 6, 3, 1, 2, 2, 2)}
_CONVOLUTIONS = {"BS": 2, "BS-cR": 1}  # of a residual block; other variants have none


@keras.saving.register_keras_serializable("tfdeblur")
class BiSkip(keras.Model):
    """Predicts the residual between a blurred image and its sharp partner at five scales.

    Args:
        variant: str, section 4.1's models. "BS": shallow and deep skips, three residual blocks of
            two convolutions per scale; "S": no residual blocks, no deep skips; "BS-cR": one
            convolution per residual block; "BS-w/o-R": deep skips, no residual blocks.
        width: float > 0, multiplies all channel counts (1.0 is the paper's network).
        norm: "batch" (the paper), "group" (8 groups) or "none", after every convolution but the
            last, the 1x1 ones that match channels, and those inside gated blocks.
        head_initializer: str, initializer of the last layer. The paper uses Xavier throughout;
            "zeros" starts training at output = input, which suits short runs.
        images: 1 or 2. With 2 it is a prior for half-quadratic splitting, called as
            `RPGANGenerator` is: it sees a deconvolved image and the observed one, and predicts
            what is wrong with the deconvolved one.
        unshuffle: 1 (the paper), 2 or 4: cells of so many by so many pixels become one pixel
            before the first convolution, and one becomes a cell after the last (`folding`). The
            operations shrink by nearly its square.
        blocks: "residual" (the paper) or "gated": `gated.GatedBlock`, linear convolutions between
            them, 2x2 ones of stride 2 on the way down, pixel shuffle on the way up; variant "BS".
        channels: ints >= 1, one a scale, the largest scale first, at least two, even for gated
            blocks; half of them are the skips' each. None: 32, 64, 128, 128, 128 (the paper), or
            48, 96, 128, 128 for gated blocks.
        depths: ints >= 0, one less than twice as many: the blocks of each scale, on the way down
            from the largest one, then of the smallest, then on the way up. None: 3, 3, 3, 3 and
            then none (the paper), or 2, 6, 3, 1, 2, 2, 2 for gated blocks.

    Call arguments:
        image: float `(batch, height, width, 3)`, values in [0, 1]; with two images
            `(batch, height, width, 6)`, the deconvolved image, not clipped, and the observed
            one, concatenated along the channels; height and width are multiples of
            `size_multiple` (`image.padding.pad_to_multiple` sees to it).

    Returns:
        float `(batch, height, width, 3)`, the (first) image plus the residual, not clipped: clip
        once, when encoding.

    Attributes:
        size_multiple: int, pixels: `unshuffle` times 2 for every scale after the first, so 16
            for the paper's network.
        overlap: int, pixels at each side of a tile that a neighbour covers too.

    Raises:
        ValueError: if an argument is not one of the above, or two do not go together.

    Source: Zhang et al., Bi-Skip, 2019, section 4.1 and figure 5. Channels [32, 64, 128, 128, 128],
        skips [16, 32, 64, 64]. Decisions where the paper is silent: ReLU after every norm, max
        pooling on the way down, and the smallest scale, where nothing is joined, keeps the 3x3 and
        1x1 convolutions of the expansive path: 5.6 M parameters. Two images are ours: the paper
        has one; RP-GAN's generator (the motion-flow paper, section 4.2.1) has two. So are
        unshuffling, gated blocks, and numbers of channels and blocks other than the paper's.
    """

    size_multiple = 16  # of the paper's network, for who asks the class

    def __init__(
        self,
        variant="BS",
        width=1.0,
        norm="batch",
        head_initializer="glorot_uniform",
        images=1,
        unshuffle=1,
        blocks="residual",
        channels=None,
        depths=None,
        **kwargs,
    ):
        check_options(self, kwargs)
        check_choice("variant", variant, VARIANTS)
        check_choice("norm", norm, NORMS)
        check_choice("images", images, IMAGES)
        check_width(width)
        check_unshuffle(unshuffle)
        _check_blocks(variant, blocks, channels, depths)

        # Graph: every weight exists once __init__ returns, so optimizers can be built.
        seen = keras.Input((None, None, 3 * images), name="image" if images == 1 else "images")
        of_scales = channels or _CHANNELS[blocks]
        features = _features(
            fold(seen, unshuffle),
            variant,
            norm,
            blocks,
            of_scales,
            _DEPTHS[blocks] if depths is None else depths,
            width,
        )
        residual = layers.Conv2D(
            3 * unshuffle**2,
            1,
            name="head",
            kernel_initializer=keras.initializers.get(head_initializer),
        )(features)
        # In float32 under any policy: bfloat16 would round the image itself to 8 bits.
        image = seen if images == 1 else seen[..., :3]
        restored = layers.Add(dtype="float32", name="restored")(
            [image, unfold(residual, unshuffle)]
        )
        super().__init__(seen, restored, **kwargs)
        self.size_multiple = unshuffle * 2 ** (len(of_scales) - 1)
        self.overlap = overlap_of(unshuffle)

        # Config: one attribute per constructor argument, same name, same value.
        self.variant = variant
        self.width = width
        self.norm = norm
        self.head_initializer = head_initializer
        self.images = images
        self.unshuffle = unshuffle
        self.blocks = blocks
        self.channels = None if channels is None else tuple(channels)
        self.depths = None if depths is None else tuple(depths)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "variant": self.variant,
            "width": self.width,
            "norm": self.norm,
            "head_initializer": self.head_initializer,
            "images": self.images,
            "unshuffle": self.unshuffle,
            "blocks": self.blocks,
            "channels": self.channels,
            "depths": self.depths,
            "name": self.name,
        }


def _check_blocks(variant, blocks, channels, depths):
    """Raises ValueError where blocks, channels or depths cannot be built."""
    check_choice("blocks", blocks, BLOCKS)
    if blocks == "gated" and variant != "BS":
        raise ValueError(f"`variant` must be 'BS' for gated blocks. Received: variant={variant!r}")
    if channels is not None:
        check_channels(channels, even=blocks == "gated")
    if depths is not None:
        if variant not in _CONVOLUTIONS:
            raise ValueError(
                f"`depths` must be None for variant {variant!r}, which has no blocks. "
                f"Received: depths={depths!r}"
            )
        check_depths(depths, len(channels or _CHANNELS[blocks]))


def _features(x, variant, norm, blocks, channels, depths, width):
    """Features of the largest scale, which the head looks at."""
    if blocks == "gated":
        halves = [scaled(count // 2, width) for count in channels]
        return gated_paths(x, [2 * half for half in halves], depths, norm)
    skip_channels = [scaled(count / 2, width) for count in channels[:-1]]
    channels = [scaled(count, width) for count in channels]
    smallest, skips = _contract(x, variant, norm, channels, skip_channels, depths)
    return _expand(smallest, skips, variant, norm, channels, depths[len(skips) :])


def _contract(x, variant, norm, channels, skip_channels, depths):
    """Contracting and skipping paths: the smallest scale, and per scale the list of its skips."""
    skips = []
    for scale, count in enumerate(skip_channels):
        x = conv(x, channels[scale], 3, f"down{scale}", norm)
        joined = [conv(x, count, 1, f"shallow{scale}", norm)]
        x = _residual_blocks(x, depths[scale], f"res{scale}", norm, variant)
        if variant != "S":
            joined.append(conv(x, count, 3, f"deep{scale}", norm))
        skips.append(joined)
        x = residual_downsample(x, channels[scale + 1], f"to{scale + 1}", norm)
    return x, skips


def _expand(x, skips, variant, norm, channels, depths):
    """Expansive path, from the smallest scale to the image's own size.

    At the top scale the head takes the place of the 1x1 convolution.
    """
    smallest = len(skips)
    for scale in range(smallest, -1, -1):
        if scale < smallest:
            x = upsample(x, channels[scale], f"up{scale}", norm)
            x = layers.Concatenate(name=f"join{scale}")([x, *skips[scale]])
        x = conv(x, channels[scale], 3, f"merge{scale}", norm)
        if scale > 0:
            x = conv(x, channels[scale], 1, f"mix{scale}", norm)
        x = _residual_blocks(x, depths[smallest - scale], f"upres{scale}", norm, variant)
    return x


def _residual_blocks(x, count, name, norm, variant):
    if variant in _CONVOLUTIONS:
        for block in range(count):
            place = "abc"[block] if block < 3 else block
            x = residual_block(x, f"{name}{place}", norm, _CONVOLUTIONS[variant])
    return x
