"""What a served graph refuses because of what it would cost, or because it is no picture."""

import re

import numpy as np
import pytest
import tensorflow as tf

from export import export_model
from export.graph.served import served_model
from export.graph.sizes import default_max_pixels
from tests.export.helpers import MAX_PIXELS, Scale, loaded, pixels, png, random_u8
from tfdeblur.errors import InvalidInput
from tfdeblur.networks import SEN, RPGANGenerator
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.memory import bytes_per_pixel
from tfdeblur.restorers.network import Restorer


@pytest.fixture(scope="module")
def served(bi_skip):
    """It pads to multiples of 16, and takes 20,000 pixels: 78 pads of 16x16."""
    with loaded(bi_skip.version) as v1:
        yield v1


def refusal(served, key, value):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        served(key, value)
    return caught.value.message


def too_many(received):
    return f"[image has too many pixels] [limit] [{MAX_PIXELS}] [received] [{received}]"


@pytest.mark.parametrize("shape", [(2, 100, 80, 3), (78, 1, 1, 3), (1, 1, 1248, 3)])
def test_as_many_pixels_as_allowed(served, shape):
    assert served("serving_uint8", random_u8(*shape)).shape == shape


@pytest.mark.parametrize(
    ("shape", "padded"),
    [
        ((79, 1, 1, 3), 79 * 256),
        ((2, 100, 100, 3), 2 * 112 * 112),
        ((1, 1, 1249, 3), 16 * 1264),
        ((100_000, 1, 1, 3), 100_000 * 256),
    ],
)
def test_pixels_count_as_they_are_padded(served, shape, padded):
    assert too_many(padded) in refusal(served, "serving_uint8", np.zeros(shape, "u1"))
    assert too_many(padded) in refusal(served, "serving_default", np.zeros(shape, "f4"))


def test_all_files_of_a_call_count_together(served):
    small, large = png(random_u8(1, 1, 3)), png(random_u8(100, 80, 3))
    answers = served("serving_bytes", np.array([small] * 8 + [large] * 2, object))
    assert [pixels(one).shape for one in answers] == [(1, 1, 3)] * 8 + [(100, 80, 3)] * 2
    several = np.array([large] * 3, object)
    assert too_many(3 * 112 * 80) in refusal(served, "serving_bytes", several)
    tiny = np.array([small] * 79, object)
    assert too_many(79 * 256) in refusal(served, "serving_bytes", tiny)


def test_very_many_files_are_refused_before_one_is_read(served):
    nothing = np.full(500_000, b"", object)
    assert too_many(500_000 * 256) in refusal(served, "serving_bytes", nothing)


OUTSIDE = "`image` must be in [0, 1] where it is float. Divide by 255, or send uint8"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (255.0, OUTSIDE),
        (1.6, OUTSIDE),
        (-0.6, OUTSIDE),
        (np.nan, "[`image` must be finite] [NaN or infinite values] [1]"),
        (np.inf, "[`image` must be finite] [NaN or infinite values] [1]"),
        (-np.inf, "[`image` must be finite] [NaN or infinite values] [1]"),
    ],
)
def test_floats_that_are_no_picture(served, bi_skip, value, says):
    images = np.full((2, 20, 30, 3), 0.5, "f4")
    images[1, 19, 29, 2] = value
    assert says in refusal(served, "serving_default", images)
    with pytest.raises(InvalidInput, match="must be (finite|in \\[0, 1\\])"):  # as here
        Restorer(bi_skip.restorer.network)(images)


def test_the_lowest_and_the_highest_value_are_told(served):
    images = np.linspace(-3, 200, 2 * 9 * 3, dtype="f4").reshape(1, 2, 9, 3)
    text = refusal(served, "serving_default", images)
    assert re.search(r"\[lowest\] \[-3\] \[highest\] \[200\]", text), text


def test_ringing_passes(served):
    image = np.full((1, 8, 8, 3), 1.45, "f4")
    assert served("serving_default", image).max() <= 1.0


def test_where_the_server_puts_requests_together_each_answers_for_itself(tmp_path):
    version = export_model(Scale(0.9), tmp_path, fixed_tile=160)
    with loaded(version.parents[1] / "deblur_tile" / "1") as v1:
        images = np.full((4, 160, 160, 3), 0.8, "f4")
        images[1, 0, 0, 0], images[2] = np.nan, 255.0
        restored = v1("serving_default", images)
    assert np.isnan(restored[1:3]).all()
    np.testing.assert_allclose(restored[[0, 3]], 0.72, rtol=1e-6)


@pytest.mark.parametrize(
    ("bytes_per_pixel", "pixels"), [(900.0, 2**23), (1024.0, 2**23), (3168.0, 2711469)]
)
def test_by_default_as_many_pixels_as_memory_holds(bytes_per_pixel, pixels):
    network = Scale()
    network.largest_bytes = bytes_per_pixel / 3.75  # see `restorers.memory`
    assert default_max_pixels(served_model(network)) == pixels


def test_an_rp_gan_is_planned_with_what_its_networks_take():
    """Its generator takes two images: the export of every RP-GAN once failed on that."""
    sen, generator = SEN(stacks=1, width=0.06), RPGANGenerator(width=0.06)
    served = served_model(BlindRestorer(sen, generator, BlindSettings((0.05,))))
    each = (bytes_per_pixel(sen), bytes_per_pixel(generator, channels=6))
    assert served.bytes_per_pixel == max(each)
