"""RP-GAN: the recurrent prior's generator and its two opponents (keras only)."""

import keras
from keras import layers

from tfdeblur.networks.blocks import (
    NORMS,
    check_choice,
    check_options,
    check_width,
    conv,
    normalise,
    scaled,
)
from tfdeblur.networks.folding import check_unshuffle, fold, overlap_of, unfold
from tfdeblur.networks.sen import res2

HEADS = ("random", "residual")
_RESIDUAL_BLOCKS = 6
_PATCH_CHANNELS = (64, 128, 256, 512)


@keras.saving.register_keras_serializable("tfdeblur")
class RPGANGenerator(keras.Model):
    """Cleans up a deconvolved image with the help of the observed one.

    Args:
        width: float > 0, multiplies all channel counts but the image's.
        norm: "batch" (the paper), "group" (8 groups) or "none".
        head: "random": the last block makes the image, and begins with random weights; or
            "residual": it is added to the deconvolved image, in float32 under any policy, and
            begins with zeros, so that training begins with deconvolution alone and not with noise.
        unshuffle: 1 (the paper), 2 or 4: cells of so many by so many pixels become one pixel
            before the first convolution, and one becomes a cell after the last (`folding`).

    Call arguments:
        images: float `(batch, height, width, 6)`: the deconvolved image and the observed blurred
            one, concatenated along the channels; colours in [0, 1], the deconvolved one not
            clipped; height and width are multiples of `size_multiple`, 4 times `unshuffle`.

    Returns:
        float32 `(batch, height, width, 3)`, not clipped: clip once, outside training.

    Raises:
        ValueError: if `width`, `norm`, `head` or `unshuffle` is not one of the above.

    Source: the motion-flow paper, section 4.2.1 and appendix A. Decisions where it is silent: the
        two layers of stride 2 after the residual blocks are transposed convolutions; the input
        joins the 64 channels before the last block, which is linear. 8.8 M parameters.
        Unshuffling is ours.
    """

    size_multiple = 4  # of the paper's network, for who asks the class

    def __init__(self, width=1.0, norm="batch", head="random", unshuffle=1, **kwargs):
        check_options(self, kwargs)
        check_width(width)
        check_choice("norm", norm, NORMS)
        check_choice("head", head, HEADS)
        check_unshuffle(unshuffle)

        images = keras.Input((None, None, 6), name="images")
        start = {"initializer": _initializer(norm)}
        folded = fold(images, unshuffle)
        x = conv(folded, scaled(64, width), 7, "front", norm, **start)
        x = conv(x, scaled(128, width), 3, "down0", norm, stride=2, **start)
        x = conv(x, scaled(256, width), 3, "down1", norm, stride=2, **start)
        for i in range(_RESIDUAL_BLOCKS):
            x = res1(x, f"res{i}", norm)
        x = _enlarge(x, scaled(256, width), "up0", norm)
        x = _enlarge(x, scaled(128, width), "up1", norm)
        x = conv(x, scaled(64, width), 7, "merge", norm, **start)
        x = layers.Concatenate(name="join")([x, folded])
        restored = res2(x, 3 * unshuffle**2, "restored", norm, linear=True)
        restored = unfold(restored, unshuffle, dtype="float32")
        if head == "residual":
            # In float32 under any policy: bfloat16 would round the image itself to 8 bits.
            added = layers.Add(dtype="float32", name="restored")
            restored = added([images[..., :3], restored])
        super().__init__(images, restored, **kwargs)
        self.size_multiple = 4 * unshuffle
        self.overlap = overlap_of(unshuffle)
        if head == "residual":
            for name in ("restored_c", "restored_shortcut"):
                kernel = self.get_layer(name).kernel
                kernel.assign(0.0 * kernel)

        self.width = width
        self.norm = norm
        self.head = head
        self.unshuffle = unshuffle

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "width": self.width,
            "norm": self.norm,
            "head": self.head,
            "unshuffle": self.unshuffle,
            "name": self.name,
        }


@keras.saving.register_keras_serializable("tfdeblur")
class Discriminator(keras.Model):
    """Judges patches of a restored image beside the observed one; trained from logits.

    Args:
        width: float > 0, multiplies all channel counts.
        norm: "batch" (the paper), "group" (8 groups) or "none".

    Call arguments:
        images: float `(batch, height, width, 6)`: the image to judge and the observed blurred
            one, concatenated along the channels, [0, 1]; height and width at least 16.

    Returns:
        float32 `(batch, height / 16, width / 16, 1)` (rounded up), logits, larger where a patch
        is taken for sharp.

    Raises:
        ValueError: if `width` or `norm` is not one of the above.

    Source: the motion-flow paper, appendix A (DcGAN). We differ: no norm on the first layer and
        neither norm nor ReLU on the last (a rectified logit could not say no); LeakyReLU of
        slope 0.2, so that gradients reach the generator where units are off.
    """

    def __init__(self, width=1.0, norm="batch", **kwargs):
        check_options(self, kwargs)
        check_width(width)
        check_choice("norm", norm, NORMS)
        images = keras.Input((None, None, 6), name="images")
        super().__init__(images, _patch_scores(images, width, norm), **kwargs)
        self.width = width
        self.norm = norm

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"width": self.width, "norm": self.norm, "name": self.name}


@keras.saving.register_keras_serializable("tfdeblur")
class ArtifactCritic(keras.Model):
    """Tells blur from the artifacts of deconvolution; trained as a Wasserstein critic.

    Args:
        width: float > 0, multiplies all channel counts.
        norm: "none", "group" or "batch" (the paper). Batch norm couples the images whose
            gradients a penalty bounds one by one, so it does not go with `lipschitz="gp"`.
        spectral: bool, whether every convolution's kernel is divided by its largest singular
            value, which bounds the Lipschitz constant by construction.

    Call arguments:
        image: float `(batch, height, width, 3)`, [0, 1], height and width at least 16.

    Returns:
        float32 `(batch,)`, dimensionless, without bound: mean of the patches' scores.

    Raises:
        ValueError: if `width` or `norm` is not one of the above.

    Source: the motion-flow paper, section 4.2.2, Eqn 6, and appendix A (Dp). We differ as
        `Discriminator` does, and in the default norm.
    """

    def __init__(self, width=1.0, norm="none", spectral=False, **kwargs):
        check_options(self, kwargs)
        check_width(width)
        check_choice("norm", norm, NORMS)
        image = keras.Input((None, None, 3), name="image")
        scores = _patch_scores(image, width, norm, spectral)
        score = layers.GlobalAveragePooling2D(dtype="float32", name="mean_score")(scores)
        super().__init__(image, layers.Reshape((), dtype="float32", name="score")(score), **kwargs)
        self.width = width
        self.norm = norm
        self.spectral = spectral

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "width": self.width,
            "norm": self.norm,
            "spectral": self.spectral,
            "name": self.name,
        }


def res1(x, name, norm):
    """x + two convolutions of x, both with norm and ReLU (Res1 of appendix A)."""
    y = conv(x, x.shape[-1], 3, f"{name}_a", norm, initializer=_initializer(norm))
    y = conv(y, x.shape[-1], 3, f"{name}_b", norm)
    return layers.Add(name=f"{name}_sum")([x, y])


def _initializer(norm):
    # Without a norm, Glorot's halve the energy at every ReLU: after 18 layers nothing is left,
    # and the image's own path to the last block is all that ever learns.
    return "he_normal" if norm == "none" else "glorot_uniform"


def _enlarge(x, channels, name, norm):
    x = layers.Conv2DTranspose(
        channels,
        3,
        2,
        padding="same",
        use_bias=norm == "none",
        kernel_initializer=_initializer(norm),
        name=f"{name}_conv",
    )(x)
    return layers.ReLU(name=f"{name}_relu")(normalise(x, norm, name))


def _patch_scores(x, width, norm, spectral=False):
    """Four 4x4 convolutions of stride 2, one of stride 1, and one that scores."""

    def convolve(x, channels, stride, name, **options):
        layer = layers.Conv2D(channels, 4, stride, padding="same", name=name, **options)
        if spectral:
            layer = layers.SpectralNormalization(layer, name=f"{name}_spectral", **options)
        return layer(x)

    for i, channels in enumerate((*_PATCH_CHANNELS, _PATCH_CHANNELS[-1])):
        x = convolve(x, scaled(channels, width), 2 if i < len(_PATCH_CHANNELS) else 1, f"conv{i}")
        if i > 0:
            x = normalise(x, norm, f"conv{i}")
        x = layers.LeakyReLU(0.2, name=f"relu{i}")(x)
    return convolve(x, 1, 1, "patch_scores", dtype="float32")
