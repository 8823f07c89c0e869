"""Pairs that are wrong are found, and told apart; right ones are left alone."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.helpers import shared_data
from tfdeblur.data.check.duplicates import find_alike, find_equal, look_at
from tfdeblur.data.check.folder import check_folder
from tfdeblur.data.check.pairs import check_images
from tfdeblur.data.folders import Pair
from tfdeblur.errors import InvalidInput


def scene(height=200, width=320, seed=0):
    """Blocks and noise of many sizes, larger than any view of it, uint8 gray as RGB."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width))
    for size in (1, 2, 4, 8, 16, 32):
        cells = rng.random((height // size + 1, width // size + 1))
        total += np.kron(cells, np.ones((size, size)))[:height, :width]
    levels = np.round(255 * (total - total.min()) / np.ptp(total)).astype("uint8")
    return np.repeat(levels[..., None], 3, axis=-1)


def frames(count, step=3, seed=0, height=200, width=320):
    """Views of a scene that moves to the left by `step` whole pixels a frame."""
    whole = scene(height, width + step * count, seed)
    return [whole[:, step * i : step * i + width] for i in range(count)]


def average(images):
    return np.round(np.mean(np.asarray(images, "float64"), axis=0)).astype("uint8")


def check(count, sharp, **options):
    views = frames(count, **options)
    return check_images("pair", average(views), views[sharp])


@pytest.mark.parametrize("count", [7, 9])
def test_the_middle_of_an_odd_number_of_frames(count):
    found = check(count, count // 2)
    assert (found.verdict, found.reason) == ("middle", "")
    assert abs(found.imbalance) < 0.02
    assert found.length == pytest.approx(3 * count, rel=0.15)


@pytest.mark.parametrize(
    ("count", "sharp", "imbalance"), [(8, 4, 1 / 8), (8, 3, 1 / 8), (7, 4, 2 / 7)]
)
def test_a_frame_beside_the_middle(count, sharp, imbalance):
    found = check(count, sharp)
    assert found.verdict == "off middle" and found.is_bad
    assert abs(found.imbalance) == pytest.approx(imbalance, abs=0.02)
    assert "not the middle" in found.reason


@pytest.mark.parametrize("lean", [0, 1])
def test_a_frame_beside_the_middle_of_upright_motion(lean):
    """Of a path that leads straight up, or a little aside, which end is the right one is chance."""
    wide = scene(400, 480)

    def half(i, left, aside):
        top, left = 20 + 3 * i, left + aside * (i // 2)
        return wide[top : top + 300, left : left + 160]

    views = [np.concatenate([half(i, 60, -lean), half(i, 240, lean)], axis=1) for i in range(8)]
    found = check_images("pair", average(views), views[4])
    assert found.verdict == "off middle"
    assert abs(found.imbalance) == pytest.approx(1 / 8, abs=0.04)


def test_swapped_halves():
    views = frames(7)
    found = check_images("pair", views[3], average(views))
    assert found.verdict == "swapped" and found.forward > found.reverse


def test_a_shift_is_told_in_pixels():
    views = frames(7)
    moved = np.roll(average(views), (5, 0), axis=(0, 1))
    found = check_images("pair", moved, np.roll(views[3], (0, 18), axis=(0, 1)))
    assert found.verdict == "misaligned"
    across, down = map(float, re.findall(r"[-+][\d.]+", found.reason))
    assert (across, down) == (pytest.approx(-18, abs=0.5), pytest.approx(5, abs=0.5))


def test_two_different_pictures():
    found = check_images("pair", average(frames(7)), scene(seed=5))
    assert found.verdict == "not alike"


def test_no_blur_and_short_blur_are_no_faults():
    sharp = scene()
    assert check_images("pair", sharp, sharp).verdict == "sharp"
    assert check(3, 1, step=1).verdict in ("undecided", "sharp")


def test_flat_pictures_are_no_crash():
    flat = np.full((80, 90, 3), 128, "uint8")
    assert check_images("pair", flat, flat).verdict == "not alike"


@pytest.mark.parametrize("shape", [(63, 200, 3), (200, 201, 3)])
def test_sizes_that_cannot_be_checked(shape):
    with pytest.raises(InvalidInput, match="at least 64"):
        check_images("pair", np.zeros(shape, "uint8"), np.zeros((200, 200, 3), "uint8"))


def looks(*of):
    return [look_at(name, "sharp", split, image) for name, split, image in of]


def test_equal_pictures_are_found_under_any_name():
    one, other = scene(), scene(seed=1)
    found = find_equal(looks(("a", "", one), ("b", "", other), ("c", "", one.copy())))
    assert [(two.first, two.second, two.equal) for two in found] == [
        ("a (sharp)", "c (sharp)", True)
    ]


def test_a_scene_in_two_splits():
    views = frames(5, step=6)
    of = looks(
        ("a", "train", views[0]),
        ("b", "train", views[1]),
        ("c", "test", views[4]),
        ("d", "test", scene(seed=9)),
    )
    found = find_alike(of)
    assert [(two.first, two.second) for two in found] == [("train b (sharp)", "test c (sharp)")]
    assert 0.5 < found[0].correlation < 1


def write(folder, name, blurred, sharp):
    for role, image in (("blur", blurred), ("sharp", sharp)):
        (folder / role).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / role / f"{name}.png")


def test_a_folder_with_one_of_each(tmp_path):
    views = frames(8)
    write(tmp_path / "train", "even", average(views), views[4])
    write(tmp_path / "train", "odd", average(views[:7]), views[3])
    write(tmp_path / "train", "broken", views[0], views[0])
    (tmp_path / "train/sharp/broken.png").write_bytes(b"no picture")
    write(tmp_path / "test", "same", average(views[:7]), views[3])
    found = check_folder(tmp_path)
    verdicts = {pair.name: pair.verdict for pair in found.pairs}
    assert verdicts == {"train-even": "off middle", "train-odd": "middle", "test-same": "middle"}
    assert list(found.failures) == ["train-broken"]
    assert {(two.first, two.second) for two in found.equal} == {
        (f"test test-same ({role})", f"train train-odd ({role})") for role in ("blurred", "sharp")
    }
    assert [(two.first, two.second) for two in found.alike] == [
        ("test test-same (sharp)", "train train-even (sharp)")
    ]
    assert not found.is_good
    assert found.to_dict()["good"] is False


def test_published_pairs_are_right_and_averages_of_even_numbers_are_found():
    folder = shared_data("gopro")

    def verdict(name):
        from tfdeblur.data.check.pairs import check_pair

        return check_pair(
            Pair(name, *(folder / role / f"{name}.png" for role in ("blur", "sharp")))
        )

    assert verdict("test-02").verdict == "middle"
    found = verdict("avg8-GOPR0384_11_00-000203")
    assert found.verdict == "off middle"
    assert abs(found.imbalance) == pytest.approx(1 / 8, abs=0.02)


def test_the_command_names_what_is_wrong(tmp_path, capsys):
    from tfdeblur.cli.main import main

    views = frames(8)
    write(tmp_path / "pairs", "even", average(views), views[4])
    write(tmp_path / "pairs", "odd", average(views[:7]), views[3])
    file = tmp_path / "check.json"
    assert main(["data", "check", str(tmp_path / "pairs"), "--json", str(file)]) == 3
    out = capsys.readouterr().out
    assert re.search(r"^even +off middle", out, re.MULTILINE)
    assert "1 of 2 pairs are wrong, 0 undecided" in out
    words = " ".join(out.split())
    assert "imbalance: how much more of the exposure lies on one side of the sharp" in words
    written = json.loads(file.read_text())
    assert [(pair["name"], pair["bad"]) for pair in written["pairs"]] == [
        ("even", True),
        ("odd", False),
    ]
    assert main(["data", "check", str(tmp_path / "pairs"), "--only", "odd"]) == 0
    assert main(["data", "check", str(tmp_path / "none")]) == 4
    nowhere = str(tmp_path / "none" / "check.json")
    assert main(["data", "check", str(tmp_path / "pairs"), "--json", nowhere]) == 3


def test_a_list_tells_the_splits_and_names_files_anywhere(tmp_path):
    views = frames(8)
    write(tmp_path / "all", "one", average(views[:7]), views[3])
    write(tmp_path / "all", "two", average(views[:7]), views[3])
    lines = ["blur,sharp,split,name"]
    for name, split in (("one", "train"), ("two", "test")):
        lines.append(f"../all/blur/{name}.png,../all/sharp/{name}.png,{split},{name}")
    (tmp_path / "lists").mkdir()
    path = tmp_path / "lists" / "pairs.csv"
    path.write_text("\n".join(lines))
    found = check_folder(path)
    assert [(pair.name, pair.verdict) for pair in found.pairs] == [
        ("one", "middle"),
        ("two", "middle"),
    ]
    assert {(two.first, two.second) for two in found.equal} == {
        (f"train one ({role})", f"test two ({role})") for role in ("blurred", "sharp")
    }
    other = check_folder(tmp_path / "all", path, only=["one"])
    assert len(other.pairs) == 1 and len(other.equal) == 4


@pytest.mark.parametrize("way", ["patterns", "list"])
def test_the_command_takes_patterns_and_lists(way, tmp_path, capsys):
    from tfdeblur.cli.main import main

    views = frames(8)
    write(tmp_path / "shots", "even", average(views), views[4])
    (tmp_path / "shots/blur").rename(tmp_path / "shots/moving")
    (tmp_path / "shots/sharp").rename(tmp_path / "shots/still")
    (tmp_path / "pairs.csv").write_text("blur,sharp\nshots/moving/even.png,shots/still/even.png\n")
    wanted = [str(tmp_path / "shots"), "--pairs", "moving/*.png", "still/*.png"]
    wanted = wanted if way == "patterns" else [str(tmp_path / "pairs.csv")]
    assert main(["data", "check", *wanted]) == 3
    out = capsys.readouterr().out
    assert re.search(r"even +off middle", out) and "1 of 1 pairs are wrong" in out
