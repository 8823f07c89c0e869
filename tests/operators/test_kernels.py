"""The kernel of one pixel."""

import subprocess
import sys

import numpy as np
import pytest

from tests.operators.makers import reference_kernel
from tfdeblur.errors import InvalidInput
from tfdeblur.operators.kernels import RASTERIZERS, line_kernel

FLOWS = [(0, 0), (1, 0), (0.6, -0.3), (2, 0), (0, 5), (10, 0), (3, 3), (7, -2), (-46, 31), (4.4, 9)]


def test_kernels_known_by_hand():
    np.testing.assert_array_equal(line_kernel(0, 0), [[1]])
    np.testing.assert_allclose(line_kernel(2, 0), [[0.25, 0.5, 0.25]])
    np.testing.assert_allclose(line_kernel(0, 5), np.full((5, 1), 0.2), atol=1e-15)
    np.testing.assert_allclose(line_kernel(10, 0), [[0.05, *[0.1] * 9, 0.05]], atol=1e-15)


@pytest.mark.parametrize("rasterizer", RASTERIZERS)
@pytest.mark.parametrize("flow", FLOWS)
def test_equals_the_description(flow, rasterizer):
    kernel = line_kernel(*flow, rasterizer)
    rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
    expected = np.zeros_like(kernel)
    for (k, l), weight in reference_kernel(*flow, rasterizer).items():  # noqa: E741
        expected[rows + k, columns + l] = weight
    np.testing.assert_allclose(kernel, expected, atol=1e-15)


@pytest.mark.parametrize("rasterizer", RASTERIZERS)
@pytest.mark.parametrize("flow", FLOWS)
def test_sums_to_one_and_is_symmetric(flow, rasterizer):
    u, v = flow
    kernel = line_kernel(u, v, rasterizer)
    assert kernel.sum() == pytest.approx(1, abs=1e-14)
    assert kernel.min() >= 0
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-15)
    np.testing.assert_array_equal(kernel, line_kernel(-u, -v, rasterizer))
    np.testing.assert_allclose(kernel[:, ::-1], line_kernel(-u, v, rasterizer), atol=1e-15)


def test_up_to_one_pixel_nothing_is_blurred():
    for angle in np.linspace(0, np.pi, 25):
        kernel = line_kernel(np.cos(angle) * 0.999, np.sin(angle) * 0.999)
        assert kernel.max() == 1


def test_only_fspecial_treats_rows_and_columns_alike():
    np.testing.assert_allclose(
        line_kernel(12, 5, "fspecial"), line_kernel(5, 12, "fspecial").T, atol=1e-15
    )
    # The released sign of the end-cap coordinate, kept on purpose: the line is shorter one way.
    assert line_kernel(12, 5).shape == (7, 11)
    assert line_kernel(5, 12).shape == (13, 7)


def test_bad_arguments_are_named():
    with pytest.raises(InvalidInput, match=r"`rasterizer` must be one of gong2018, fspecial.*'x'"):
        line_kernel(1, 2, "x")
    with pytest.raises(InvalidInput, match="`v` must be finite. Received: v=nan"):
        line_kernel(1, float("nan"))


def test_needs_no_tensorflow():
    code = (
        "import sys; from tfdeblur.operators.kernels import line_kernel; line_kernel(3, 4); "
        "print('tensorflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "False", answer.stderr
