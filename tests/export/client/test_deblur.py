"""`DeblurClient.deblur`: kinds in and out, ways to travel, tiles, batches, motion."""

import threading

import numpy as np
import pytest

from export.client.client import DeblurClient
from export.client.tiles import extended, plan_by_side
from tests.export.makers import CONTENT, FIELD, FLOW, SIGNATURES, Fake, negative, serving
from tests.helpers import noise
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.codec import decode_image, encode_image
from tfdeblur.restorers.protocol import Restored

ROOM = 192 * 192  # the fewest pixels that leave something beside the overlap


def levels(height, width, *batch, dtype="uint8"):
    top = np.iinfo(dtype).max
    shape = (*batch, height, width, 3)
    return np.random.default_rng(0).integers(0, top, shape, dtype, endpoint=True)


def of_files(files):
    return [
        encode_image(255 - decode_image(data, "sent").rgb, like=None, format="png")
        for data in files
    ]


def model(signature, image):
    return of_files(image) if signature == "serving_bytes" else negative(signature, image)


@pytest.fixture(scope="module", params=[CONTENT, FIELD])
def fake(request):
    return Fake(model, request.param, {**SIGNATURES, **FLOW})


@pytest.fixture(scope="module")
def target(fake):
    with serving(fake) as target:
        yield target


@pytest.fixture
def client(target, fake):
    fake.requests.clear()
    with DeblurClient(target) as client:
        yield client


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (5, 7, 3)])
@pytest.mark.parametrize("payload", [None, "uint8", "float", "bytes"])
def test_what_comes_out_is_of_the_kind_that_went_in(shape, payload, client):
    eight = levels(*shape)
    for image, expected, accuracy in (
        (eight, 255 - eight, 0),
        (levels(*shape, dtype="uint16"), 65535 - levels(*shape, dtype="uint16"), 129),
        (eight / np.float32(255), 1 - eight / np.float32(255), 1e-6),
        (eight / 255, 1 - eight / 255, 1e-6),
    ):
        restored = client.deblur(image, payload=payload)
        assert restored.image.dtype == image.dtype and restored.image.shape == image.shape
        assert restored.image.flags.writeable  # as of a `Restorer`
        if payload in (None, "float"):  # nothing is rounded to 8 bits on the way
            accuracy = 0 if image.dtype.kind == "u" else 1e-6
        error = np.abs(restored.image.astype(float) - expected).max()
        assert error <= accuracy
    assert isinstance(restored, Restored)
    assert (restored.version, restored.tiles, restored.degenerate) == (3, 1, False)


def test_eight_bits_travel_as_such_and_all_else_as_floats(client, fake):
    for dtype, signature in (("uint8", "serving_uint8"), ("uint16", "serving_default")):
        client.deblur(levels(4, 4, dtype=dtype))
        assert fake.requests[-1].model_spec.signature_name == signature


def test_files_are_sent_as_they_are(client, fake):
    files = [
        encode_image(levels(4 + i, 6), like=None, format=kind)
        for i, kind in enumerate(["png", "jpeg"])
    ]
    assert client.deblur_bytes(files) == of_files(files)
    assert client.deblur_bytes(files[1]) == of_files(files)[1]
    with pytest.raises(InvalidInput, match="Received: str"):
        client.deblur_bytes(["photo.png"])


def test_motion_comes_with_the_picture(client):
    image = levels(4, 6, 2) / np.float32(255)
    restored = client.deblur(image, motion=True)
    np.testing.assert_array_equal(restored.image, 1 - image)
    assert restored.flow.shape == (2, 4, 6, 2) and (restored.flow == [3, -2]).all()
    np.testing.assert_array_equal(restored.confidence, image[..., 0])
    assert restored.score == (0.25, 0.25)
    one = client.deblur(levels(4, 6), motion=True)
    assert (one.image == 255 - levels(4, 6)).all() and one.score == 0.25
    with pytest.raises(InvalidInput, match="payload"):
        client.deblur(levels(4, 6), motion=True, payload="uint8")


def test_a_signature_that_the_model_lacks_is_told_with_those_it_has():
    with serving(Fake(negative)) as target, DeblurClient(target) as client:
        with pytest.raises(DataError, match="serving_flow.*serving_bytes, serving_default"):
            client.deblur(levels(4, 4), motion=True)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_tiles_of_a_pointwise_model_are_the_whole(kind, target):
    image = levels(410, 333)
    image = image if kind == "uint8" else image / np.float32(255)
    seen = []
    with DeblurClient(target) as whole, DeblurClient(target, max_pixels=ROOM) as tiled:
        expected = whole.deblur(image)
        restored = tiled.deblur(image, progress=lambda *counts: seen.append(counts))
    assert restored.tiles > 4 and expected.tiles == 1
    np.testing.assert_allclose(restored.image, expected.image, rtol=0, atol=1e-6)
    assert seen == [(i + 1, restored.tiles) for i in range(restored.tiles)]


def test_motion_of_tiles_is_that_of_the_whole(target):
    with DeblurClient(target, max_pixels=ROOM) as client:
        image = levels(250, 333)
        restored = client.deblur(image, motion=True)
    assert restored.tiles > 1
    np.testing.assert_allclose(restored.flow, np.broadcast_to([3, -2], (250, 333, 2)), atol=1e-6)
    np.testing.assert_allclose(restored.confidence, image[..., 0] / 255, atol=1e-6)
    np.testing.assert_allclose(restored.score, 0.25, atol=1e-6)


def test_tiles_are_under_way_at_the_same_time():
    together = threading.Barrier(3)

    def model(signature, image):
        together.wait(30)  # nobody passes alone
        return negative(signature, image)

    fake = Fake(model)
    image = levels(192, 192 + 2 * 64)
    with serving(fake) as target, DeblurClient(target, max_pixels=ROOM, concurrency=3) as client:
        restored = client.deblur(image)
    assert restored.tiles == 3 == fake.most_at_once
    np.testing.assert_array_equal(restored.image, 255 - image)


def test_an_image_that_is_refused_for_its_size_is_sent_in_tiles():
    fake = Fake(negative, max_pixels=ROOM)
    image = levels(250, 200)
    with serving(fake) as target:
        with DeblurClient(target) as client:
            for _ in range(2):
                restored = client.deblur(image)
                np.testing.assert_array_equal(restored.image, 255 - image)
            assert len(fake.requests) == 1 + 2 * restored.tiles  # refused once, then known
        with DeblurClient(target, max_pixels=10**6) as told, pytest.raises(InvalidInput):
            told.deblur(image)
        fake.max_pixels = ROOM - 1  # too few for tiles
        with DeblurClient(target) as client, pytest.raises(InvalidInput, match="max_pixels"):
            client.deblur(image)


def test_a_new_version_with_another_limit_is_noticed():
    fake = Fake(negative, max_pixels=300 * 300)
    image = levels(250, 400)
    with serving(fake) as target, DeblurClient(target) as client:
        few = client.deblur(image)
        fake.max_pixels = ROOM
        many = client.deblur(image)
    assert 1 < few.tiles < many.tiles
    for restored in (few, many):
        np.testing.assert_array_equal(restored.image, 255 - image)


def test_batches_are_sent_in_shares_that_fit(client, fake):
    batch = levels(10, 10, 5)
    client.max_pixels = 2 * 64 * 64 + 100  # each counts as it is padded
    np.testing.assert_array_equal(client.deblur(batch).image, 255 - batch)
    sizes = [request.inputs["image_u8"].tensor_shape.dim[0].size for request in fake.requests]
    assert sorted(sizes) == [1, 2, 2]


@pytest.mark.parametrize("size", [(200, 300), (50, 60), (192, 192), (1, 500)])
def test_a_model_of_one_size_gets_tiles_of_that_size(size):
    side = 192
    fake = Fake(negative, side=side)
    image = levels(*size)
    with serving(fake) as target, DeblurClient(target) as client:
        np.testing.assert_array_equal(client.deblur(image).image, 255 - image)
    for request in fake.requests:
        shape = [d.size for d in request.inputs["image_u8"].tensor_shape.dim]
        assert shape == [1, side, side, 3]


@pytest.mark.parametrize("length", [1, 511, 512, 513, 700, 1280, 3001])
@pytest.mark.parametrize("side", [192, 200, 512])
def test_tiles_of_one_size_cover_all_and_overlap(length, side):
    plan = plan_by_side(length, 7, side)
    starts = plan.rows
    assert starts[0] == 0 and starts[-1] + side == plan.height >= length
    assert all(0 < b - a <= side - 128 for a, b in zip(starts, starts[1:], strict=False))


def test_tiles_that_are_all_overlap_are_refused():
    with pytest.raises(InvalidInput, match="overlap"):
        plan_by_side(500, 500, 128)


def test_images_are_extended_by_mirroring():
    image = np.arange(3, dtype="float32")[:, None, None] * np.ones((1, 1, 3), "float32")
    np.testing.assert_array_equal(extended(image, 8, 2)[:, 1, 0], [0, 1, 2, 1, 0, 1, 2, 1])


def test_answers_of_another_shape_are_no_result():
    def cut(signature, image):
        return {"restored_u8": image[:, :-1]}

    with serving(Fake(cut)) as target, DeblurClient(target) as client:
        with pytest.raises(Exception, match="answered shape") as caught:
            client.deblur(levels(4, 4))
    assert caught.value.exit_code == 1


def test_the_first_tile_that_fails_ends_the_image():
    def broken(signature, image):
        raise ValueError("boom")

    with serving(Fake(broken)) as target, DeblurClient(target, max_pixels=ROOM) as client:
        with pytest.raises(Exception, match="boom") as caught:
            client.deblur(levels(400, 400))
    assert caught.value.code == "UNKNOWN"


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4)), np.zeros((0, 4, 3)), np.zeros((4, 4, 3), int), noise(4, 4, 3) * 99]
)
def test_bad_images_are_refused_here(image, client, fake):
    with pytest.raises(InvalidInput, match="`image`"):
        client.deblur(image)
    assert not fake.requests


def test_facts_about_the_model(client):
    metadata = client.metadata()
    assert metadata.version == 3
    assert set(metadata.signatures) == {*SIGNATURES, *FLOW} - {"__saved_model_init_op"}
    image = metadata.signatures["serving_uint8"].inputs["image_u8"]
    assert (image.dtype, image.shape) == ("uint8", (None, None, None, 3))
    status = [(one.version, one.state, one.code, one.text) for one in client.status()]
    assert status == [(4, "END", "UNKNOWN", "broken file"), (3, "AVAILABLE", "OK", "")]
