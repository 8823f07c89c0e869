"""Köhler's procedure: its parts by hand, its traps, and the known scores of the blurred images."""

import cv2
import numpy as np
import pytest

from tests.helpers import picture, shared_data
from tfdeblur.errors import InvalidInput
from tfdeblur.evaluation import kohler
from tfdeblur.evaluation.kohler import score_image


def levels(height=176, width=192, seed=0):
    return np.round(255 * picture(height, width, seed=seed)).astype("uint8")


def textured(seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (176, 192, 3), "uint8")
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


def test_the_frame_itself():
    found = score_image(levels(), [levels(seed=1), levels(), levels(seed=2)])
    assert found == kohler.KohlerScore(np.inf, pytest.approx(1), 1)


# The known means come from `shared/data/README.md`, which had them from another implementation.
@pytest.mark.parametrize("image, known", [(1, 26.45), (4, 21.55)])
def test_blurred_images_of_the_benchmark_against_one_frame(image, known):
    folder = shared_data("kohler")
    sharp = cv2.imread(str(folder / "gt_jpeg" / f"GroundTruth{image}_1_1.jpg"))[..., ::-1]
    blurred = [cv2.imread(str(folder / "blur" / f"Blurry{image}_{k}.png")) for k in range(1, 13)]
    scores = [score_image(one[..., ::-1], [sharp]) for one in blurred]
    assert np.mean([score.psnr for score in scores]) == pytest.approx(known, abs=0.005)


def test_psnr_is_of_luminance():
    sharp = np.full((176, 176, 3), 100, "uint8")
    sharp[:, 88:] = 160
    # Red up and green down at nearly equal luminance: 0.299 * 40 against 0.587 * 20.
    changed = (sharp + np.array([40, -20, 0])).astype("uint8")
    x, z = sharp.astype(float), changed.astype(float)
    z *= (x * z).sum() / (z * z).sum()
    weights = [0.299, 0.587, 0.114]
    by_luminance = 10 * np.log10(255**2 / np.mean((x @ weights - z @ weights) ** 2))
    assert score_image(changed, [sharp]).psnr == pytest.approx(by_luminance)
    assert by_luminance > 10 * np.log10(255**2 / np.mean((x - z) ** 2)) + 5


def test_intensity_is_fitted():
    sharp = textured()
    assert score_image((sharp // 2).astype("uint8"), [sharp]).psnr > 50


@pytest.mark.parametrize("rows, columns", [(0, 0), (3, -7), (-5, 2)])
def test_whole_pixels_are_aligned_and_what_is_uncovered_stays_black(rows, columns):
    sharp = textured()
    moved = np.roll(sharp, (-rows, -columns), (0, 1))
    assert kohler._shift(sharp.mean(-1), moved.mean(-1)) == (rows, columns)
    x, z = sharp.astype(float), moved.astype(float)
    z *= (x * z).sum() / (z * z).sum()  # before they are aligned
    back = np.roll(z, (rows, columns), (0, 1))
    inside = np.ones((176, 192), bool)
    inside[: max(rows, 0)] = inside[176 + min(rows, 0) :] = False
    inside[:, : max(columns, 0)] = inside[:, 192 + min(columns, 0) :] = False
    error = np.where(inside, (x - back) @ [0.299, 0.587, 0.114], 0)
    wanted = 10 * np.log10(255**2 / np.mean(error**2)) if error.any() else np.inf
    assert score_image(moved, [sharp]).psnr == pytest.approx(wanted)


@pytest.mark.parametrize("shape", [(8, 8), (7, 9)])
def test_the_maximum_of_the_correlation_by_hand(shape):
    rng = np.random.default_rng(3)
    reference, image = rng.random(shape), rng.random(shape)
    best = max(np.ndindex(shape), key=lambda move: np.sum(reference * np.roll(image, move, (0, 1))))
    wanted = tuple(i - n if i >= n // 2 else i for i, n in zip(best, shape, strict=True))
    assert kohler._shift(reference, image) == wanted


def test_one_scale_of_ssim_by_hand():
    x, z = textured()[:13, :14].mean(-1), textured(1)[:13, :14].mean(-1)
    offsets = np.arange(-5, 6)
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    found = []
    for row in range(5, 13 - 5):
        for column in range(5, 14 - 5):
            a = x[row - 5 : row + 6, column - 5 : column + 6]
            b = z[row - 5 : row + 6, column - 5 : column + 6]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a = (window * (a - mean_a) ** 2).sum()
            var_b = (window * (b - mean_b) ** 2).sum()
            both = (window * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 2.55**2, 7.65**2
            product = np.sqrt(var_a * var_b)
            found.append(
                (
                    (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1),
                    (2 * product + c2) / (var_a + var_b + c2),
                    (both + c2 / 2) / (product + c2 / 2),
                )
            )
    assert kohler._means(x, z) == pytest.approx(np.mean(found, axis=0))


def test_halving_by_hand():
    image = textured()[:12, :10].mean(-1)
    taps = np.array([0.0378, -0.0238, -0.1106, 0.3774, 0.8527, 0.3774, -0.1106, -0.0238, 0.0378])
    padded = np.pad(image, 4, mode="symmetric")
    kernel = np.outer(taps, taps) / taps.sum() ** 2
    wanted = [
        [(kernel * padded[row : row + 9, column : column + 9]).sum() for column in range(0, 10, 2)]
        for row in range(0, 12, 2)
    ]
    np.testing.assert_allclose(kohler._halved(image), wanted)


def test_msssim_takes_the_best_frame_by_itself():
    sharp, other = textured(), textured(1)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 2)
    one, two = score_image(blurred, [sharp]), score_image(blurred, [other])
    both = score_image(blurred, [other, sharp])
    assert both.msssim == one.msssim > two.msssim and both.frame == 1 and both.psnr == one.psnr


@pytest.mark.parametrize(
    "restored, frames, text",
    [
        (levels().astype("float32"), [levels()], "`restored` must be uint8.*float32"),
        (levels()[..., 0], [levels()], "`restored` must be uint8"),
        (levels(160, 192), [levels(160, 192)], "more than 160 pixels.*160, 192"),
        (levels(), [levels(), levels(177, 192)], r"`frames\[1\]` must be of the size"),
        (levels(), [levels() / 255], r"`frames\[0\]` must be uint8"),
        (levels(), [], "at least one frame"),
        (np.zeros((176, 176, 3), "uint8"), [levels(176, 176)], "must not be black"),
    ],
)
def test_bad_images_are_named(restored, frames, text):
    with pytest.raises(InvalidInput, match=text):
        score_image(restored, frames)
