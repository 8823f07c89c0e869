"""The three protocols against scikit-image, slow float64 NumPy and values computed by hand."""

import numpy as np
import pytest
import scipy.ndimage
import skimage.io
import skimage.metrics
import tensorflow as tf

from tests.helpers import picture, shared_data
from tfdeblur.errors import InvalidInput
from tfdeblur.metrics import psnr_rgb_u8, ssim_gauss, ssim_matlab3d

METRICS = [psnr_rgb_u8, ssim_gauss, ssim_matlab3d]


def levels(image):
    return (
        image if image.dtype == np.uint8 else np.round(np.clip(image, 0, 1) * 255).astype("uint8")
    )


def skimage_psnr(sharp, restored):
    return skimage.metrics.peak_signal_noise_ratio(levels(sharp), levels(restored), data_range=255)


def skimage_ssim(sharp, restored):
    return skimage.metrics.structural_similarity(
        levels(sharp).astype("float64"),
        levels(restored).astype("float64"),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
    )


def slow_matlab3d(sharp, restored):
    """The protocol written down once more: float64, no centring, SciPy's own border mode."""
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blur(volume):
        for axis in range(3):
            volume = scipy.ndimage.correlate1d(volume, window, axis=axis, mode="nearest")
        return volume

    x, y = levels(sharp).astype("float64"), levels(restored).astype("float64")
    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mx * my + c1) * (2 * vxy + c2)
    return np.mean(top / ((mx * mx + my * my + c1) * (vx + vy + c2)))


REFERENCES = {
    psnr_rgb_u8: skimage_psnr,
    ssim_gauss: skimage_ssim,
    ssim_matlab3d: slow_matlab3d,
}


def spoiled(sharp, amount, seed=1):
    """Zero-mean noise added: its values also leave [0, 1], so clipping is in play."""
    return sharp + amount * np.random.default_rng(seed).standard_normal(sharp.shape).astype("f4")


def uneven_batch():
    sharp = np.stack([picture(24, 31, seed=seed) for seed in range(3)])
    amounts = np.array([0.01, 0.1, 0.5], "float32")[:, None, None, None]
    return sharp, spoiled(sharp, amounts)


@pytest.mark.parametrize("metric", METRICS)
def test_equals_the_reference_image_by_image(metric):
    sharp, restored = uneven_batch()
    values = np.asarray(metric(sharp, restored))
    expected = [REFERENCES[metric](a, b) for a, b in zip(sharp, restored, strict=True)]
    assert values.shape == (3,) and values.dtype == np.float32
    np.testing.assert_allclose(values, expected, atol=2e-6, rtol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_a_value_does_not_depend_on_its_neighbours(metric):
    sharp, restored = uneven_batch()
    together = np.asarray(metric(sharp, restored))
    alone = [float(metric(sharp[i], restored[i])[0]) for i in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    assert np.all(np.diff(together) < 0)  # more noise, lower value


@pytest.mark.parametrize("base", [0, 3, 128, 252])
@pytest.mark.parametrize("metric", [ssim_gauss, ssim_matlab3d])
def test_flat_regions_do_not_cancel(metric, base):
    """A few levels of noise on a wall: E[x²] - E[x]² is a difference of almost equal numbers."""
    rng = np.random.default_rng(base)
    sharp = (base + rng.integers(0, 4, (40, 40, 3))).astype("uint8")
    restored = (base + rng.integers(0, 4, (40, 40, 3))).astype("uint8")
    error = abs(float(metric(sharp, restored)[0]) - REFERENCES[metric](sharp, restored))
    assert error <= 2e-6


def test_psnr_by_hand():
    # 2x2 RGB: one of 12 values is off by 51 levels, MSE = 51² / 12, so 255² / MSE = 25 * 12.
    sharp = np.full((2, 2, 3), 100, "uint8")
    restored = sharp.copy()
    restored[1, 0, 2] = 151
    np.testing.assert_allclose(psnr_rgb_u8(sharp, restored), [10 * np.log10(300)], rtol=1e-6)
    # Everything wrong by the whole range: 0 dB.
    black, white = np.zeros((1, 2, 2, 3), "float32"), np.ones((1, 2, 2, 3), "float32")
    np.testing.assert_allclose(psnr_rgb_u8(black, white), [0.0], atol=1e-5)


def test_psnr_is_averaged_per_image_not_pooled():
    sharp = np.zeros((2, 4, 4, 3), "float32")
    restored = np.stack([np.full((4, 4, 3), 0.1), np.full((4, 4, 3), 0.01)])
    expected = [20 * np.log10(255 / 26), 20 * np.log10(255 / 3)]  # 25.5 -> 26 (even), 2.55 -> 3
    np.testing.assert_allclose(psnr_rgb_u8(sharp, restored), expected, rtol=1e-6)


def test_matlab3d_by_hand():
    # Constant images: all variances vanish, only the luminance term is left.
    sharp, restored = np.full((2, 2, 3), 100, "uint8"), np.full((2, 2, 3), 110, "uint8")
    c1 = 2.55**2
    expected = (2 * 100 * 110 + c1) / (100**2 + 110**2 + c1)
    np.testing.assert_allclose(ssim_matlab3d(sharp, restored), [expected], rtol=1e-5)


def test_identical_images():
    image = np.stack([picture(16, 16, seed=seed) for seed in range(2)])
    assert np.all(np.isposinf(psnr_rgb_u8(image, image)))
    # Differences below half a level vanish in the 8-bit file, so they do here.
    assert np.all(np.isposinf(psnr_rgb_u8(levels(image), image)))
    np.testing.assert_allclose(ssim_gauss(image, image), 1.0, atol=1e-6)
    np.testing.assert_allclose(ssim_matlab3d(image, image), 1.0, atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_falls_as_blur_grows(metric):
    sharp = np.clip(spoiled(picture(48, 40), 0.1), 0, 1)
    blurred = [scipy.ndimage.gaussian_filter(sharp, (s, s, 0)) for s in (0.5, 1, 2, 4)]
    values = np.asarray(metric(np.stack([sharp] * 4), np.stack(blurred)))
    assert np.all(np.diff(values) < 0)


@pytest.mark.parametrize("metric", METRICS)
def test_symmetric_and_kinds_agree(metric):
    sharp, restored = uneven_batch()
    there, back = metric(sharp, restored), metric(restored, sharp)
    np.testing.assert_allclose(there, back, rtol=1e-6)
    kinds = (levels(sharp), restored), (sharp.astype("float64"), levels(restored))
    for a, b in kinds:
        np.testing.assert_array_equal(there, metric(a, b))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shape", [(3, 24, 31, 3), (None, None, None, 3)])
def test_same_in_graph_and_dataset(metric, shape):
    sharp, restored = uneven_batch()
    expected = metric(sharp, restored)
    spec = tf.TensorSpec(shape, tf.float32)
    graph = tf.function(metric, input_signature=[spec, spec])
    np.testing.assert_allclose(graph(sharp, restored), expected, rtol=1e-6)
    dataset = tf.data.Dataset.from_tensor_slices((sharp, restored)).batch(1).map(metric)
    np.testing.assert_allclose(np.concatenate(list(dataset)), expected, rtol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_nan_stays_with_its_image(metric):
    sharp, restored = uneven_batch()
    expected = np.asarray(metric(sharp, restored))
    restored[1, 5, 5, 0] = np.nan
    values = np.asarray(metric(sharp, restored))
    assert np.isnan(values[1])
    np.testing.assert_allclose(values[[0, 2]], expected[[0, 2]], rtol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (4, 30)])
def test_small_images(size):
    sharp = picture(*size)
    restored = spoiled(sharp, 0.1)
    value = float(ssim_matlab3d(sharp, restored)[0])
    assert abs(value - slow_matlab3d(sharp, restored)) <= 2e-6
    message = (
        r"`sharp` and `restored` must be at least 11x11 pixels for `ssim_gauss`: its window must "
        rf"fit\. Received: shape=\(1, {size[0]}, {size[1]}, 3\)\."
    )
    with pytest.raises(InvalidInput, match=message):
        ssim_gauss(sharp, restored)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "sharp, restored, message",
    [
        (np.zeros((12, 12)), np.zeros((12, 12)), r"`sharp` must have shape \(batch, height"),
        (np.zeros((12, 12, 4)), np.zeros((12, 12, 4)), r"Received: sharp.shape=\(12, 12, 4\)"),
        (np.zeros((0, 12, 3)), np.zeros((0, 12, 3)), r"`sharp` must hold at least one pixel"),
        (np.zeros((12, 12, 3)), np.zeros((12, 13, 3)), r"restored.shape=\(1, 12, 13, 3\)"),
        (np.zeros((12, 12, 3)), np.zeros((2, 12, 12, 3)), r"must have the same shape"),
        (np.zeros((12, 12, 3)), np.zeros((12, 12, 3), "int32"), r"Received: restored.dtype=int32"),
        (np.zeros((12, 12, 3), "uint16"), np.zeros((12, 12, 3)), r"65535 for uint16"),
    ],
)
def test_wrong_input_is_named(metric, sharp, restored, message):
    with pytest.raises(InvalidInput, match=message):
        metric(sharp, restored)


def test_real_pair():
    """A whole 1280x720 frame: float32 agrees with float64 where millions of values are summed."""
    name = "test-00.png"
    blurred = skimage.io.imread(shared_data("gopro", "blur", name))
    sharp = skimage.io.imread(shared_data("gopro", "sharp", name))
    for metric, reference in REFERENCES.items():
        np.testing.assert_allclose(metric(sharp, blurred), [reference(sharp, blurred)], atol=1e-5)
