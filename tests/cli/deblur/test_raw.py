"""`tfdeblur deblur`: raw files are developed, or refused in words."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.cli.makers import levels, pixels
from tfdeblur.image import camera_raw


def write_dng(path):
    """A mosaic of a gray ramp under light with twice as much green, behind a 16x12 preview."""
    ramp = (np.mgrid[:48, :64][1] * 40 + 200).astype(np.uint16)
    mosaic = ramp.copy()
    for corner in (0, 1):
        mosaic[corner::2, corner::2] //= 2
    identity = [one for value in (1, 0, 0, 0, 1, 0, 0, 0, 1) for one in (value, 1)]
    camera = [
        (50706, 1, 4, bytes((1, 4, 0, 0)), True),
        (50708, 2, 5, b"Test\0", True),
        (50721, 10, 9, identity, True),
        (50728, 5, 3, [1, 2, 1, 1, 1, 2], True),
        (271, 2, 5, b"Test\0", True),
    ]
    sensor = [
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes((0, 1, 1, 2)), True),
        (50717, 3, 1, 4095, True),
    ]
    preview = np.zeros((12, 16, 3), np.uint8)
    with tifffile.TiffWriter(path) as writer:
        writer.write(
            preview, photometric="rgb", subfiletype=1, metadata=None, extratags=camera, subifds=1
        )
        writer.write(mosaic, photometric="cfa", metadata=None, extratags=sensor)
    return ramp


def test_raw_files_are_developed(deblur):
    pytest.importorskip("rawpy")
    ramp = write_dng("photo.dng")
    assert deblur("photo.dng", size=(48, 64)) == 0
    result = pixels("out/photo.png")
    assert result.dtype == np.uint16 and result.shape == (48, 64, 3)
    light = ramp / 4095
    srgb = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)
    inside = (slice(8, -8), slice(8, -8))  # LibRaw guesses colours at the border
    np.testing.assert_allclose(
        result[inside] / 65535, srgb[inside][..., None] * [1, 1, 1], atol=0.02
    )
    with Image.open("out/photo.png") as image:
        assert image.getexif().get(271) == "Test"


@pytest.mark.parametrize("name", ["photo.dng", "photo.nef", "photo.arw", "photo.cr2"])
def test_raw_files_without_libraw_are_refused_in_words(name, deblur, monkeypatch, capsys):
    monkeypatch.setattr(camera_raw, "is_available", lambda: False)
    write_dng(name)
    assert deblur(name, size=(48, 64)) == 3
    told = " ".join(capsys.readouterr().err.split())
    assert f"{name} is the raw file of a camera. To restore such files, install the extra" in told
    assert list(Path("out").iterdir()) == []


def test_a_raw_file_named_tif_is_no_preview(deblur, capsys):
    write_dng("photo.tif")
    assert deblur("photo.tif", size=(48, 64)) == 3
    assert "photo.tif is the raw file of a camera under the name of a TIFF" in " ".join(
        capsys.readouterr().err.split()
    )


def test_what_libraw_does_not_know_is_named(deblur, capsys):
    pytest.importorskip("rawpy")
    Image.fromarray(levels(12, 16)).save("photo.nef", "TIFF")
    assert deblur("photo.nef", size=(12, 16)) == 3
    assert "photo.nef is the raw file of a camera that LibRaw cannot" in capsys.readouterr().err
