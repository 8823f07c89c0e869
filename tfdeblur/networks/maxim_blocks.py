"""Blocks of MAXIM, wired into a functional graph (keras only).

All functions take and return features, float `(batch, height, width, channels)`, dimensionless;
`cells` are `maxim_windows.Cells`.
Source: Tu et al., CVPR 2022, section 3 and supplement, arXiv:2201.02973; where the paper is silent
the published weights decide: only one wiring gives their results.
"""

from keras import layers, ops

from tfdeblur.networks.convolution import Conv2D
from tfdeblur.networks.maxim_layers import CellMixing, ChannelDense, ChannelNorm
from tfdeblur.networks.maxim_resize import SmoothEnlarge, SmoothShrink

_REDUCTION = 4  # of the channels inside channel attention
_SLOPE = 0.2  # of the leaky ReLU


def conv(x, channels, size, name, stride=1):
    """Convolution with bias, same size (or half of it with stride 2)."""
    return Conv2D(channels, size, stride, padding="same", name=name)(x)


def double(x, channels, name):
    """2x2 transposed convolution of stride 2: twice the size."""
    return layers.Conv2DTranspose(channels, 2, 2, padding="same", name=name)(x)


def gated_mlp(x, axis, cells, name):
    """MLP whose one half gates the other, mixed along `axis`; residual (section 3.2)."""
    channels = x.shape[-1]
    y = ChannelNorm(name=f"{name}_norm")(x)
    kept, gate = ChannelDense(2 * channels, "gelu", halves=True, name=f"{name}_in")(y)
    gate = ChannelNorm(name=f"{name}_gate_norm")(gate)
    gate = CellMixing(axis, cells.size, 1.0, cells.unit, name=f"{name}_mix")(gate)
    return x + ChannelDense(channels, name=f"{name}_out")(kept * gate)


def multi_axis_mlp(x, cells, name):
    """One half of the channels mixes over the grid, the other over blocks; residual (figure 3)."""
    channels = x.shape[-1]
    y = ChannelNorm(name=f"{name}_norm")(x)
    over_grid, over_block = ChannelDense(2 * channels, "gelu", halves=True, name=f"{name}_in")(y)
    over_grid = gated_mlp(over_grid, "grid", cells, f"{name}_grid")
    over_block = gated_mlp(over_block, "block", cells, f"{name}_block")
    return x + ChannelDense(channels, name=f"{name}_out")([over_grid, over_block])


def channel_attention(x, name):
    """Scales each channel by what its mean over the image says (squeeze and excitation)."""
    channels = x.shape[-1]
    # The mean over a whole image loses what it is about in 16 bits.
    mean = layers.GlobalAveragePooling2D(keepdims=True, dtype="float32", name=f"{name}_mean")(x)
    inner = Conv2D(channels // _REDUCTION, 1, activation="relu", name=f"{name}_squeeze")
    outer = Conv2D(channels, 1, activation="sigmoid", name=f"{name}_excite")
    return x * outer(inner(mean))


def attention_block(x, name):
    """Residual channel attention block: two 3x3 convolutions between norm and attention."""
    channels = x.shape[-1]
    y = ChannelNorm(name=f"{name}_norm")(x)
    y = conv(y, channels, 3, f"{name}_conv1")
    y = layers.LeakyReLU(_SLOPE, name=f"{name}_relu")(y)
    y = conv(y, channels, 3, f"{name}_conv2")
    return x + channel_attention(y, name)


def pixel_mlp_block(x, name):
    """The same with an MLP over each pixel's channels instead of convolutions."""
    channels = x.shape[-1]
    y = ChannelNorm(name=f"{name}_norm")(x)
    y = ChannelDense(channels, "gelu", name=f"{name}_mlp_in")(y)
    y = ChannelDense(channels, name=f"{name}_mlp_out")(y)
    return x + channel_attention(y, name)


def encoder_features(joined, channels, cells, groups, name):
    """1x1 convolution, then groups of multi-axis MLP and attention block; long residual."""
    x = conv(joined, channels, 1, f"{name}_match")
    y = x
    for group in range(groups):
        y = multi_axis_mlp(y, cells, f"{name}_mlp{group}")
        y = attention_block(y, f"{name}_attention{group}")
    return x + y


def bottleneck(x, channels, cells, groups, name):
    """As `encoder_features`, with MLPs instead of 3x3 convolutions (the smallest scale)."""
    x = conv(x, channels, 1, f"{name}_match")
    y = x
    for group in range(groups):
        y = multi_axis_mlp(y, cells, f"{name}_mlp{group}")
        y = pixel_mlp_block(y, f"{name}_attention{group}")
    return x + y


def mixed_gate(x, cells, name):
    """What gates the other side of a cross gating: half mixed over the grid, half over blocks."""
    channels = x.shape[-1]
    y = ChannelNorm(name=f"{name}_norm")(x)
    over_grid, over_block = ChannelDense(2 * channels, "gelu", halves=True, name=f"{name}_in")(y)
    over_grid = CellMixing("grid", cells.size, unit=cells.unit, name=f"{name}_grid_mix")(over_grid)
    over_block = CellMixing("block", cells.size, name=f"{name}_block_mix")(over_block)
    return ChannelDense(channels, name=f"{name}_out")([over_grid, over_block])


def cross_gating(x, y, channels, cells, name):
    """Two features of one size gate each other (section 3.3); returns both, `x` and `y`."""
    x_skip = conv(x, channels, 1, f"{name}_match_x")
    y_skip = conv(y, channels, 1, f"{name}_match_y")
    x = ChannelDense(channels, "gelu", name=f"{name}_in_x")(
        ChannelNorm(name=f"{name}_norm_x")(x_skip)
    )
    y = ChannelDense(channels, "gelu", name=f"{name}_in_y")(
        ChannelNorm(name=f"{name}_norm_y")(y_skip)
    )
    gate_x = mixed_gate(x, cells, f"{name}_gate_x")
    gate_y = mixed_gate(y, cells, f"{name}_gate_y")
    y = ChannelDense(channels, name=f"{name}_out_y")(y * gate_x) + y_skip
    x = ChannelDense(channels, name=f"{name}_out_x")(x * gate_y) + y + x_skip
    return x, y


def rescaled(x, channels, ratio, name):
    """Resizes by `ratio` (1/4 to 4, bilinear, smoothed when shrinking) and matches channels by 1x1.

    The 1x1 convolution comes before enlarging: the two commute, as the filter's weights sum to
    1, and it has a quarter or a sixteenth of the pixels there.
    """
    if ratio < 1:
        x = SmoothShrink(round(1 / ratio), name=f"{name}_shrink")(x)
    x = conv(x, channels, 1, f"{name}_match")
    if ratio > 1:
        x = SmoothEnlarge(int(ratio), name=f"{name}_enlarge")(x)
    return x


def supervised_attention(x, image, name):
    """Features that the next stage looks at, by what the restored `image` of this one shows."""
    channels = x.shape[-1]
    mask = ops.sigmoid(conv(image, channels, 3, f"{name}_mask"))
    return conv(x, channels, 3, f"{name}_features") * mask + x
