"""Arrays given to `Restorer` that are no images: each is refused with what is wrong."""

import numpy as np
import pytest

from tests.helpers import picture
from tfdeblur.errors import InvalidInput


def _with(value):
    image = picture(4, 5)
    image[1, 2, 0] = value
    return image


@pytest.mark.parametrize(
    ("image", "says"),
    [
        pytest.param(_with(np.nan), "`image` must be finite. Received: 1 NaN", id="nan"),
        pytest.param(_with(np.inf), "`image` must be finite", id="inf"),
        pytest.param(_with(-np.inf), "`image` must be finite", id="minus inf"),
        pytest.param(picture(4, 5)[..., 0], r"must have shape .* shape=\(4, 5\)", id="rank 2"),
        pytest.param(picture(4, 5)[None, None], r"shape=\(1, 1, 4, 5, 3\)", id="rank 5"),
        pytest.param(picture(4, 5, 1), r"shape=\(4, 5, 1\)", id="1 channel"),
        pytest.param(picture(4, 5, 4), r"shape=\(4, 5, 4\)", id="4 channels"),
        pytest.param(picture(3, 4).transpose(2, 0, 1), r"shape=\(3, 3, 4\)", id="channels first"),
        pytest.param(np.zeros((0, 5, 3)), "must not be empty", id="empty"),
        pytest.param(np.zeros((0, 4, 5, 3)), "must not be empty", id="empty batch"),
        pytest.param(np.full((4, 5, 3), None), "dtype=object", id="object"),
        pytest.param(np.zeros((4, 5, 3), int), "dtype=int64", id="int64"),
        pytest.param(np.zeros((4, 5, 3), bool), "dtype=bool", id="bool"),
        pytest.param(np.zeros((4, 5, 3), complex), "dtype=complex128", id="complex"),
        pytest.param(255 * picture(4, 5), r"must be in \[0, 1\] where it is float", id="0..255"),
        pytest.param(None, "`image` must be an array, the path .* NoneType$", id="none"),
        pytest.param(3, "an image of Pillow, or a list of these. Received: int$", id="number"),
        pytest.param(b"\x89PNG", "Received: bytes$", id="bytes"),
        pytest.param((one for one in ()), "Received: generator$", id="generator"),
        pytest.param([], r"must not be an empty list. Received: image=\[\]", id="empty list"),
        pytest.param([picture(4, 5), None], "Image 1 .* NoneType|dtype|array", id="in a list"),
        pytest.param([[1, 2], [3]], "`image` must be an array", id="ragged"),
    ],
)
def test_arrays(image, says):
    import tfdeblur

    with pytest.raises(InvalidInput, match=says):
        tfdeblur.Restorer(lambda image, training: image)(image)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.MOV", "clip.gif", "clip"])
def test_videos_are_for_the_command(name, tmp_path):
    import tfdeblur

    data = b"GIF89a" if name.endswith("gif") else b"\0\0\0\x20ftypisom"
    (tmp_path / name).write_bytes(data + bytes(100))
    says = "here pictures alone are taken, and `tfdeblur deblur` restores videos and animations$"
    if name == "clip":
        says = "a video, which must end in .mp4: .*clip.mp4$"
    with pytest.raises(InvalidInput, match=says):
        tfdeblur.Restorer(lambda image, training: image)(tmp_path / name)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("tile", value) for value in ("500", 500.5, 1)),
        *(("passes", value) for value in ("2", 2.5, 0)),
        *(("memory_budget_bytes", value) for value in ("1e9", [1])),
    ],
)
def test_numbers_that_are_none(option, value):
    import re

    import tfdeblur
    from tfdeblur.restorers.passes import InPasses

    def network(image, training):
        return image

    wrong = re.escape(f"Received: {option}={value!r}")
    with pytest.raises(InvalidInput, match=f"`{option}` must be .*{wrong}"):
        if option == "passes":
            InPasses(tfdeblur.Restorer(network), value)
        tfdeblur.Restorer(network, **{option: value})
