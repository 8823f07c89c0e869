"""`tfdeblur data sheet`: the picture holds what training draws."""

import cv2
import numpy as np
import pytest

from tests.data.makers import image, write
from tfdeblur.cli.main import main
from tfdeblur.data.dynamic_patch import blur_patch
from tfdeblur.data.dynamic_settings import DynamicBlur
from tfdeblur.image.codec import read_image


@pytest.fixture
def photos(tmp_path):
    for i in range(2):
        write(tmp_path / "photos" / "sub" / f"p{i}.png", image(150, 200, i))
    return tmp_path / "photos"


def sheet(*arguments):
    return main(["data", "sheet", *map(str, arguments)])


def test_pairs_stand_below_what_was_done(photos, tmp_path, capsys):
    out = tmp_path / "sheet.png"
    settings = ["--set", "dynamic.extent=9", "--set", "dynamic.objects=1"]
    command = [photos, "--out", out, "--count", "3", "--seed", "4", "--side", "96", *settings]
    assert sheet(*command) == 0
    assert f"3 patches: {out}" in capsys.readouterr().out
    picture = read_image(out).rgb
    for k in range(3):
        blurred, sharp, _ = blur_patch(
            image(150, 200, k % 2), (96, 96), (4, k), DynamicBlur(extent=9, objects=1)
        )
        pair = np.concatenate([blurred, sharp], axis=1)
        found = cv2.matchTemplate(picture, pair, cv2.TM_SQDIFF)
        assert found.min() == 0
    assert sheet(*command) == 0  # over the old one, and the same
    np.testing.assert_array_equal(read_image(out).rgb, picture)


def test_what_cannot_be_drawn_is_named_and_nothing_is_written(photos, tmp_path, capsys):
    out = tmp_path / "sheet.png"
    for code, arguments, message in (
        (4, ["--side", "151"], "`--side` must fit into every photograph. Received: --side 151"),
        (3, ["--seed", "-1"], "`--seed` must be from 0 to 2**31 - 1. Received: --seed -1"),
        (3, ["--set", "dynamic.half=7"], "Received: dynamic.half=7"),
    ):
        assert sheet(photos, "--out", out, *arguments) == code
        assert message in capsys.readouterr().err
    assert sheet(photos, "--out", tmp_path / "sheet.gif") == 3
    assert sheet(tmp_path / "none", "--out", out) == 4
    assert sheet(photos, "--out", tmp_path / "no" / "sheet.png", "--side", "64") == 4
    assert not out.exists()
