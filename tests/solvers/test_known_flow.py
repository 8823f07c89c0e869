"""Deconvolution of a real photograph whose flow is known: the gain the design asks for."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tfdeblur.data.flows import random_flow
from tfdeblur.operators import MotionBlur
from tfdeblur.solvers import deconvolve

SHARP = Path(__file__).parents[2] / "demo/pairs/test/sharp/GOPR0384_11_00-000001.png"
SIDE = 256


@pytest.fixture(scope="module")
def sharp():
    """A part of a photograph with much detail, float32 (1, SIDE, SIDE, 3)."""
    image = cv2.imread(str(SHARP))[50 : 50 + SIDE, 200 : 200 + SIDE, ::-1]
    return (image[None] / 255).astype("float32")


def psnr(image, sharp):
    return -10 * np.log10(np.mean((np.asarray(image) - sharp) ** 2))


@pytest.mark.parametrize("max_extent", [23, 46])
def test_gains_four_db_without_noise(max_extent, sharp):
    K = MotionBlur(random_flow(3, SIDE, SIDE, max_extent=max_extent))
    blurred = K.apply(sharp)
    found = deconvolve(K, blurred, blurred, beta=0.01, tolerance=1e-4)
    assert found.converged[0]
    assert psnr(found.value, sharp) >= psnr(blurred, sharp) + 4


def test_a_wrong_flow_gains_nothing(sharp):
    K = MotionBlur(random_flow(3, SIDE, SIDE))
    blurred = K.apply(sharp)
    turned = random_flow(3, SIDE, SIDE)[..., ::-1] * [1, -1]
    found = deconvolve(MotionBlur(turned), blurred, blurred, beta=0.01, tolerance=1e-4)
    assert psnr(found.value, sharp) < psnr(blurred, sharp)
