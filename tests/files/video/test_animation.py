"""Animated GIF, WebP and PNG come back as what they are: frames, durations, loops, transparency."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.files.video.makers import identity, psnr, scene
from tfdeblur.errors import InvalidInput
from tfdeblur.files.inputs import find_inputs
from tfdeblur.files.plan import plan_outputs
from tfdeblur.files.video.animation import restore_animation
from tfdeblur.files.video.kinds import is_animation
from tfdeblur.files.work import restore_files
from tfdeblur.restorers.protocol import Restored

DURATIONS = [40, 100, 250, 40, 1000]


def pictures(mode="RGB", count=5):
    made = [Image.fromarray(scene(3 * number, 40, 30)) for number in range(count)]
    if mode == "RGBA":
        for number, image in enumerate(made):
            alpha = np.full((30, 40), 255, np.uint8)
            alpha[: 5 + number, :9] = 0
            image.putalpha(Image.fromarray(alpha))
    return made if mode in ("RGB", "RGBA") else [image.convert(mode) for image in made]


def write(path, images, durations=DURATIONS, **options):
    first, *others = images
    options = {"save_all": True, "append_images": others, "duration": durations} | options
    first.save(path, **options)
    return path


def read(path):
    with Image.open(path) as image:
        frames, durations = [], []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGBA")))
            durations.append(image.info.get("duration"))
        return np.array(frames), durations, image.info.get("loop"), image.format, dict(image.info)


KINDS = {
    "GIF": ("a.gif", "RGB", {"loop": 0}),
    "GIF, played once": ("a.gif", "RGB", {}),
    "GIF, transparent": ("a.gif", "RGBA", {"loop": 3, "disposal": 2}),
    "GIF, gray": ("a.gif", "L", {"loop": 0}),
    "WebP": ("a.webp", "RGB", {"loop": 2, "quality": 90, "icc_profile": b"profile"}),
    "WebP, transparent": ("a.webp", "RGBA", {"loop": 0, "lossless": True}),
    "PNG": ("a.png", "RGB", {"loop": 7}),
    "PNG, transparent": ("a.png", "RGBA", {"loop": 0, "disposal": 1}),
    "PNG, gray": ("a.png", "L", {"loop": 0}),
    "PNG by its other name": ("a.apng", "RGB", {"loop": 0, "format": "PNG"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_was_there_comes_back(tmp_path, kind):
    name, mode, options = KINDS[kind]
    source = write(tmp_path / name, pictures(mode), **options)
    output = tmp_path / f"out{source.suffix}"
    seen = []
    result = restore_animation(identity, source, output, seen.append)
    before, after = read(source), read(output)
    np.testing.assert_array_equal(after[0][..., 3], before[0][..., 3])
    visible = before[0][..., 3] > 0
    np.testing.assert_array_equal(after[0][visible], before[0][visible])
    assert after[1:4] == before[1:4]
    assert after[1] == DURATIONS
    assert after[4].get("icc_profile") == before[4].get("icc_profile")
    assert (result.frames, result.width, result.height, result.remark) == (5, 40, 30, "")
    assert [one.fraction for one in seen] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert {one.announced for one in seen} == {5}


def test_frames_are_restored_and_a_gif_takes_the_nearest_colours(tmp_path):
    photo = [Image.fromarray(scene(number, 120, 90)) for number in range(2)]
    brighter = lambda image, progress=None: Restored(image // 2 + 100)  # noqa: E731
    for name, kind in (("a.gif", "GIF"), ("a.webp", "WEBP"), ("a.png", "PNG")):
        source = write(tmp_path / name, photo, [50, 70], format=kind, loop=0)
        output = tmp_path / f"out{source.suffix}"
        result = restore_animation(brighter, source, output)
        wanted = read(source)[0][..., :3] // 2 + 100
        found = read(output)[0][..., :3]
        assert psnr(found, wanted) > (34 if kind == "GIF" else 99)
        assert result.remark == ""  # no more colours than there were
    noisy = np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    more = restore_animation(
        lambda image, progress=None: Restored(noisy), tmp_path / "a.gif", tmp_path / "b.gif"
    )
    assert more.remark == "GIF holds 256 colours: 2 frames had more"


def test_a_first_picture_that_is_not_of_the_animation_stays_so(tmp_path):
    source = write(tmp_path / "a.png", pictures(), [40, 50, 60, 70], default_image=True, loop=1)
    restore_animation(identity, source, tmp_path / "out.png")
    with Image.open(source) as one, Image.open(tmp_path / "out.png") as other:
        assert other.n_frames == one.n_frames == 5
        assert other.info["default_image"] is True
    assert read(tmp_path / "out.png")[1][1:] == [40, 50, 60, 70]


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_a_cut_off_animation_is_named_and_nothing_is_written(tmp_path, name):
    source = write(tmp_path / name, pictures())
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    with pytest.raises(InvalidInput, match=rf"{name} is (cut off or )?damaged"):
        restore_animation(identity, source, tmp_path / f"out{source.suffix}")
    assert list(tmp_path.iterdir()) == [source]


def test_sixteen_bits_are_refused(tmp_path):
    source = write(tmp_path / "a.png", pictures())
    data = bytearray(source.read_bytes())
    data[24] = 16
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    source.write_bytes(data)
    with pytest.raises(InvalidInput, match="16 bits; only 8 can be kept"):
        restore_animation(identity, source, tmp_path / "out.png")


def test_what_moves_is_told_from_what_does_not(tmp_path):
    write(tmp_path / "moves.png", pictures())
    write(tmp_path / "moves.webp", pictures())
    write(tmp_path / "moves.gif", pictures())
    for still in ("still.png", "still.webp", "still.gif"):
        pictures()[0].save(tmp_path / still)
    (tmp_path / "cut.png").write_bytes((tmp_path / "moves.png").read_bytes()[:36])
    (tmp_path / "empty.png").touch()
    moving = [path.name for path in sorted(tmp_path.iterdir()) if is_animation(path)]
    assert moving == ["moves.gif", "moves.png", "moves.webp", "still.gif"]


def test_a_folder_with_moving_and_still_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    write("in/a.gif", pictures(), loop=0)
    write("in/b.png", pictures(), loop=0)
    pictures()[0].save("in/c.png")
    jobs = plan_outputs(find_inputs(["in"]), "out", file_format="jpeg", compare=True)
    results = restore_files(identity, jobs)
    assert [(one.status, one.frames) for one in results] == [("done", 5), ("done", 5), ("done", 1)]
    assert sorted(os.listdir("out")) == [
        *("a.compare.png", "a.gif", "b.compare.png", "b.png", "c.compare.png", "c.jpg")
    ]
    assert read("out/b.png")[1] == DURATIONS
