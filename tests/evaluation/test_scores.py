"""Scores of finished images against independent implementations and values computed by hand."""

import cv2
import numpy as np
import pytest
import scipy.fft
import skimage.metrics
import tensorflow as tf

from tests.helpers import picture
from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation.scores.complex_wavelet import cw_ssim
from tfdeblur.evaluation.scores.moments import WINDOW
from tfdeblur.evaluation.scores.quality import quality_scorer
from tfdeblur.evaluation.scores.realblur import score_image
from tfdeblur.evaluation.scores.saliency import heat_map, saliency_map
from tfdeblur.metrics import psnr_rgb_u8, ssim_gauss, ssim_matlab3d


def pair(height, width, amount=0.05, seed=0):
    sharp = picture(height, width, seed=seed)
    noise = np.random.default_rng(seed).standard_normal(sharp.shape)
    return [
        np.round(255 * np.clip(x, 0, 1)).astype("uint8") for x in (sharp, sharp + amount * noise)
    ]


@pytest.mark.parametrize(("height", "width"), [(11, 11), (64, 50), (190, 177)])
@pytest.mark.parametrize("amount", [0.004, 0.05, 0.4])
def test_the_same_values_as_the_metrics_of_training(height, width, amount):
    sharp, restored = pair(height, width, amount)
    found = quality_scorer(sharp)(restored)
    for metric in (psnr_rgb_u8, ssim_gauss, ssim_matlab3d):
        # The other side is float32 throughout.
        expected = float(metric(sharp, restored)[0])
        assert found[metric.__name__] == pytest.approx(expected, rel=1e-6, abs=2e-6)


def test_ssim_uniform_is_the_default_of_scikit_image():
    sharp, restored = pair(64, 50)
    expected = skimage.metrics.structural_similarity(sharp, restored, channel_axis=-1)
    assert quality_scorer(sharp)(restored)["ssim_uniform"] == pytest.approx(expected, abs=1e-6)


def slow_ms_ssim(sharp, restored):
    """The protocol written down once more, in float64 and without centring."""
    exponents = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    x, y, result = sharp.astype("float64"), restored.astype("float64"), 1.0

    def blur(image):
        return cv2.sepFilter2D(image, -1, WINDOW, WINDOW)[5:-5, 5:-5]

    for scale, exponent in enumerate(exponents):
        if scale:
            x, y = (
                np.pad(a, [(0, a.shape[0] % 2), (0, a.shape[1] % 2), (0, 0)], mode="edge")
                for a in (x, y)
            )
            x, y = ((a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]) / 4 for a in (x, y))
        mx, my = blur(x), blur(y)
        vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
        contrast = (2 * vxy + 7.65**2) / (vx + vy + 7.65**2)
        luminance = (2 * mx * my + 2.55**2) / (mx * mx + my * my + 2.55**2)
        last = scale == len(exponents) - 1
        value = (contrast * luminance if last else contrast).mean(axis=(0, 1))
        result = result * np.maximum(value, 0) ** exponent
    return result.mean()


@pytest.mark.parametrize(("height", "width"), [(161, 200), (181, 223)])
def test_ms_ssim(height, width):
    sharp, restored = pair(height, width)
    found = quality_scorer(sharp)(restored)["ms_ssim"]
    assert found == pytest.approx(slow_ms_ssim(sharp, restored), abs=1e-6)
    # TensorFlow's works in float32 on levels in [0, 1] without centring, and loses digits.
    assert found == pytest.approx(float(tf.image.ssim_multiscale(sharp, restored, 255)), abs=2e-4)


def test_small_images_have_no_value_of_many_scales():
    sharp, restored = pair(160, 300)
    found = quality_scorer(sharp)(restored)
    assert np.isnan(found["ms_ssim"]) and np.isnan(found["cw_ssim"])


def test_cw_ssim_of_the_same_of_a_shift_and_of_something_else():
    sharp, noisy = pair(240, 320)
    assert cw_ssim(sharp, sharp) == pytest.approx(1, abs=1e-12)
    assert cw_ssim(sharp, noisy) == pytest.approx(cw_ssim(noisy, sharp), abs=1e-12)
    # Its intensity counts as for any SSIM: of c times the coefficients 2c / (1 + c²) is left.
    half = (sharp.astype(int) // 2 * 2).astype("uint8")
    assert cw_ssim(half, half // 2) == pytest.approx(2 * 0.5 / 1.25, abs=1e-9)
    shifted = np.roll(sharp, 1, axis=1)
    other = pair(240, 320, seed=4)[0]
    assert cw_ssim(sharp, other) < 0.9 < 0.99 < cw_ssim(sharp, shifted) < 1


def test_cw_ssim_filters_by_their_definition():
    """A band is the whole spectrum times its transfer function, sampled at every 32nd pixel."""
    from tfdeblur.evaluation.scores import complex_wavelet

    image = np.random.default_rng(0).random((256, 320))
    bands = complex_wavelet._bands(image)
    assert bands.shape == (16, 8, 10)
    down = np.fft.fftfreq(256)[:, None] * 2
    across = np.fft.fftfreq(320)[None, :] * 2
    radius, angle = np.hypot(down, across), np.arctan2(down, across)
    octave = np.log2(np.where(radius > 0, radius, 2.0 / 320))
    edge = lambda level: np.cos(np.pi / 2 * np.clip(octave + level + 1, 0, 1))  # noqa: E731
    low = np.prod([edge(level) for level in range(6)], axis=0)
    high = np.sin(np.pi / 2 * np.clip(octave + 7, 0, 1))
    for orientation in (0, 5):
        turned = np.angle(np.exp(1j * (angle - np.pi * orientation / 16)))
        one_sided = np.where(np.abs(turned) < np.pi / 2, np.cos(turned), 0) ** 15
        whole = np.fft.ifft2(np.fft.fft2(image) * low * high * one_sided)[::32, ::32]
        scale = bands[orientation] / whole
        np.testing.assert_allclose(scale, np.full_like(scale, scale[0, 0]), rtol=1e-6)


def test_a_score_does_not_depend_on_what_was_scored_before():
    sharp, restored = pair(64, 50)
    score = quality_scorer(sharp)
    first = score(restored)
    score(np.zeros_like(sharp))
    np.testing.assert_equal(score(restored), first)
    assert score(sharp)["psnr_rgb_u8"] == np.inf
    assert score(sharp)["ssim_matlab3d"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("sharp", "restored", "says"),
    [
        (np.zeros((10, 20, 3), "uint8"), None, "at least 11x11"),
        (np.zeros((20, 20, 3), "float32"), None, "`sharp` must be uint8"),
        (np.zeros((20, 20, 3), "uint8"), np.zeros((20, 21, 3), "uint8"), "same shape"),
        (np.zeros((20, 20, 3), "uint8"), np.zeros((20, 20, 3), "uint16"), "`restored` must be"),
    ],
)
def test_bad_images_are_named(sharp, restored, says):
    with pytest.raises(InvalidInput, match=says):
        quality_scorer(sharp)(restored)


def test_saliency_by_its_definition():
    sharp, restored = pair(96, 128, 0.1)
    small = sharp.reshape(48, 2, 64, 2, 3).mean(axis=(1, 3))  # areas of 2x2 pixels
    total = 0
    for channel in range(3):
        signs = np.sign(scipy.fft.dctn(small[..., channel], norm="ortho"))
        total = total + scipy.fft.idctn(signs, norm="ortho") ** 2
    smooth = cv2.GaussianBlur(total, (0, 0), 0.045 * 64)
    found = saliency_map(sharp)
    # A sign of a coefficient that is all but 0 may differ between two transforms.
    assert np.corrcoef(found.ravel(), smooth.ravel())[0, 1] > 0.999
    expected = np.corrcoef(found.ravel(), saliency_map(restored).ravel())[0, 1]
    assert quality_scorer(sharp)(restored)["saliency"] == pytest.approx(expected, abs=1e-9)
    assert quality_scorer(sharp)(sharp)["saliency"] == pytest.approx(1)


def test_saliency_finds_the_odd_one_out():
    image = np.full((240, 320, 3), 90, "uint8")
    image[60:90, 200:240] = 220
    top, left = np.unravel_index(saliency_map(image).argmax(), (48, 64))
    assert 60 <= 5 * top <= 90 and 200 <= 5 * left <= 240
    assert heat_map(image).shape == (192, 256, 3)
    assert np.isnan(quality_scorer(np.zeros_like(image))(image)["saliency"])


def test_realblur_fits_intensity_and_place():
    sharp = pair(120, 160)[0] // 2 + 40
    same = score_image(sharp, sharp)
    assert same.ssim == pytest.approx(1, abs=1e-4) and same.psnr > 60
    darker = np.round(sharp * 0.8).astype("uint8")
    assert score_image(darker, sharp).psnr > 48  # but for rounding
    plain = 10 * np.log10(255**2 / np.mean((darker.astype(float) - sharp) ** 2))
    assert plain < 25
    assert score_image(np.roll(sharp, 2, axis=1)[:, 4:-4], sharp[:, 4:-4]).psnr > 45


def test_realblur_by_its_definition():
    cells = np.random.default_rng(0).integers(30, 220, (10, 12, 3), "uint8")
    sharp = cv2.resize(cells, (90, 80), interpolation=cv2.INTER_CUBIC)
    restored = np.roll(cv2.GaussianBlur(sharp, (0, 0), 2), 1, axis=1) // 2 + 20
    found = score_image(restored, sharp)
    x, z = sharp / 255.0, restored / 255.0
    z = z * (x * z).sum() / (z * z).sum()
    warp = cv2.findTransformECC(
        *(cv2.cvtColor(a.astype("float32"), cv2.COLOR_RGB2GRAY) for a in (x, z)),
        np.eye(3, dtype="float32"),
        cv2.MOTION_HOMOGRAPHY,
        (3, 100, 0),
        None,
        5,
    )[1]
    down, across = np.mgrid[0:80, 0:90].astype("float64")
    places = np.stack([across, down, np.ones_like(down)], axis=-1) @ warp.astype("float64").T
    places = (places[..., :2] / places[..., 2:]).astype("float32")
    z = z.astype("float32")
    moved = cv2.remap(z, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    mask = cv2.remap(np.ones_like(z), places, None, cv2.INTER_NEAREST)
    error = ((x * mask - moved * mask) ** 2).sum() / mask.sum()
    assert found.psnr == pytest.approx(-10 * np.log10(error), abs=5e-3)
    full = skimage.metrics.structural_similarity(
        x * mask,
        moved * mask,
        channel_axis=-1,
        gaussian_weights=True,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )[1]
    inner = np.s_[5:-5, 5:-5]
    expected = ((full * mask)[inner].sum((0, 1)) / mask[inner].sum((0, 1))).mean()
    assert found.ssim == pytest.approx(expected, abs=1e-4)


def test_realblur_refuses_what_cannot_be_scored():
    sharp = pair(40, 50)[0]
    with pytest.raises(InvalidInput, match="black"):
        score_image(np.zeros_like(sharp), sharp)
    with pytest.raises(InvalidInput, match="aligned"):
        score_image(np.full_like(sharp, 9), sharp)
