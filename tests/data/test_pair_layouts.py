"""Pairs as they are published, by patterns and by lists."""

import numpy as np
import pytest

from tests.data.makers import image, write
from tfdeblur.data import find_pairs
from tfdeblur.data.pair_search import unmarked
from tfdeblur.errors import DataError, InvalidInput


def made(folder, *paths):
    """Files of one number each; a blurred one and its sharp partner have the same."""
    for number, path in enumerate(paths):
        write(folder / path, image(12, 16, seed=number // 2))
    return folder


def found(folder, split=None, **options):
    return {
        pair.name: (
            pair.blurred.relative_to(folder).as_posix(),
            pair.sharp.relative_to(folder).as_posix(),
        )
        for pair in find_pairs(folder, split, **options)
    }


def both(*pairs):
    return [path for pair in pairs for path in pair]


LAYOUTS = {
    "REDS": (
        {
            "000-00000000": ("train_blur/000/00000000.png", "train_sharp/000/00000000.png"),
            "001-00000000": ("train_blur/001/00000000.png", "train_sharp/001/00000000.png"),
        },
        "train",
    ),
    "REDS as unpacked": (
        {"000-1": ("train/train_blur/000/1.png", "train/train_sharp/000/1.png")},
        "train",
    ),
    "RealBlur": (
        {"scene001-1": ("scene001/blur/blur_1.png", "scene001/gt/gt_1.png")},
        None,
    ),
    "RealBlur, one scene": ({"1": ("blur/blur_1.png", "gt/gt_1.png")}, None),
    "BasicSR": ({"0801": ("lq/0801.png", "gt/0801.png")}, None),
    "BasicSR, upper case": ({"0801": ("LQ/0801.png", "GT/0801.png")}, None),
    "BasicSR, folders within": ({"a-0801": ("lq/a/0801.png", "gt/a/0801.png")}, "train"),
    "HIDE": ({"12fromGOPR": ("train/12fromGOPR.png", "GT/12fromGOPR.png")}, "train"),
    "HIDE, test": (
        {
            "1fromGOPR": ("test/test-close-ups/1fromGOPR.png", "GT/1fromGOPR.png"),
            "2fromGOPR": ("test/test-long-shot/2fromGOPR.png", "GT/2fromGOPR.png"),
        },
        "test",
    ),
    "DVD": ({"720p-00001": ("720p/input/00001.jpg", "720p/GT/00001.jpg")}, None),
    "M and S": ({"0": ("0_M.png", "0_S.png"), "1": ("1_M.png", "1_S.png")}, None),
    "M and S in folders": ({"0": ("blur/0_M.png", "sharp/0_S.png")}, None),
    "marks after": ({"car-2": ("car-2_blur.png", "car-2_sharp.png")}, None),
    "marks before, with splits": ({"2": ("test/blurry_2.png", "test/gt_2.png")}, "test"),
    "DeblurGAN": ({"x": ("train/blurry/x.png", "train/sharp/x.png")}, "train"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, tmp_path):
    pairs, split = LAYOUTS[layout]
    made(tmp_path, *both(*pairs.values()))
    assert found(tmp_path, split) == pairs
    assert found(tmp_path) == pairs


def test_splits_in_names_of_folders(tmp_path):
    made(
        tmp_path,
        *(f"{split}_{role}/0/1.png" for split in ("train", "val") for role in ("blur", "sharp")),
    )
    assert [*found(tmp_path)] == ["train-0-1", "val-0-1"]
    assert [*found(tmp_path, "val")] == ["0-1"]
    with pytest.raises(DataError, match=r"`split` must be one of \['train', 'val'\]"):
        find_pairs(tmp_path, "test")


def test_sharp_images_of_hide_that_belong_to_another_split_are_no_fault(tmp_path):
    made(tmp_path, "train/1.png", "GT/1.png", "test/test-close-ups/2.png", "GT/2.png")
    assert [*found(tmp_path, "train")] == ["1"] and [*found(tmp_path, "test")] == ["2"]
    (tmp_path / "GT/2.png").unlink()
    with pytest.raises(DataError, match=r"2.png has no sharp partner"):
        find_pairs(tmp_path)


def test_marks_are_taken_off_only_where_names_fit_otherwise_not(tmp_path):
    made(tmp_path, "blur/input_1.png", "sharp/input_1.png", "blur/s_2.png", "sharp/s_2.png")
    assert [*found(tmp_path)] == ["input_1", "s_2"]


@pytest.mark.parametrize("paths", [["0_M.png", "0_S.png", "1_M.png"], ["0_M.png", "other.png"]])
def test_one_folder_with_others_in_it_is_no_layout(paths, tmp_path):
    with pytest.raises(DataError, match="Accepted layouts"):
        find_pairs(made(tmp_path, *paths))


@pytest.mark.parametrize(
    ("name", "marks", "expected"),
    [
        ("blur_1", ["blur"], "1"),
        ("1_blur", ["blur"], "1"),
        ("1-BLUR", ["blur"], "1"),
        ("scene-blur_1", ["blur"], "scene-1"),
        ("blurred", ["blur", "blurred"], None),
        ("1", ["m"], None),
        ("team_1", ["m"], None),
    ],
)
def test_unmarked(name, marks, expected):
    assert unmarked(name, marks) == expected


@pytest.mark.parametrize(
    ("patterns", "pairs"),
    [
        (("a/*_in.png", "b/*_out.png"), {"7": ("a/7_in.png", "b/7_out.png")}),
        (("*/x*/in.png", "*/x*/out.png"), {"c-1": ("c/x1/in.png", "c/x1/out.png")}),
        (("**/bad.png", "**/good.png"), {"c-d": ("c/d/bad.png", "c/d/good.png")}),
        (("shot+(1)/*", "ref.+(1)/*"), {"1.png": ("shot+(1)/1.png", "ref.+(1)/1.png")}),
    ],
)
def test_patterns(patterns, pairs, tmp_path):
    made(tmp_path, *both(*pairs.values()), "other/thing.png")
    assert found(tmp_path, patterns=patterns) == pairs


def test_patterns_of_a_split(tmp_path):
    made(tmp_path, *(f"{s}/{r}{i}.png" for s in ("a", "b") for i in "12" for r in "xy"))
    assert [*found(tmp_path, "a", patterns=("x*.png", "y*.png"))] == ["1", "2"]


@pytest.mark.parametrize(
    ("patterns", "says"),
    [
        (("a.png", "b.png"), "with equally many"),
        (("a/*.png", "b/*/*.png"), "with equally many"),
        (("a/*.png",), "must be two patterns"),
    ],
)
def test_patterns_that_mean_nothing(patterns, says, tmp_path):
    with pytest.raises(InvalidInput, match=says):
        find_pairs(made(tmp_path, "a/1.png"), patterns=patterns)


def test_patterns_of_a_list_are_refused(tmp_path):
    (tmp_path / "pairs.csv").write_text("blur,sharp\n")
    with pytest.raises(InvalidInput, match="a CSV file names its pairs itself. Leave it out"):
        find_pairs(tmp_path / "pairs.csv", patterns=("a/*.png", "b/*.png"))


def test_patterns_that_fit_nothing_are_told_what_is_there(tmp_path):
    made(tmp_path, "a/1.png", "b/1.png")
    with pytest.raises(DataError) as caught:
        find_pairs(tmp_path, patterns=("c/*.png", "d/*.png"))
    assert "whose 2 images begin: a/1.png, b/1.png" in str(caught.value)
    assert "Accepted layouts" not in str(caught.value)


def test_patterns_name_what_has_no_partner(tmp_path):
    made(tmp_path, "a/1.png", "b/1.png", "a/2.png", "b/3.png")
    with pytest.raises(DataError) as caught:
        find_pairs(tmp_path, patterns=("a/*.png", "b/*.png"))
    assert "a/2.png has no sharp partner of 'b/*.png'" in str(caught.value)
    assert "b/3.png has no blurred partner of 'a/*.png'" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "blur,sharp\na/1.png,b/x.png\na/2.png,b/y.png\n",
        "sharp,blur\nb/x.png,a/1.png\nb/y.png,a/2.png\n",
        "a/1.png,b/x.png\na/2.png,b/y.png\n",
        "\ufeffGT , LQ\r\nb/x.png , a/1.png\r\n\r\nb/y.png,a/2.png\r\n",
    ],
)
def test_lists(text, tmp_path):
    made(tmp_path, "a/1.png", "b/x.png", "a/2.png", "b/y.png")
    (tmp_path / "pairs.csv").write_text(text, encoding="utf-8", newline="")
    pairs = find_pairs(tmp_path / "pairs.csv")
    assert [(p.name, p.blurred.name, p.sharp.name) for p in pairs] == [
        ("a-1", "1.png", "x.png"),
        ("a-2", "2.png", "y.png"),
    ]


def test_names_and_splits_of_a_list(tmp_path):
    made(tmp_path, "1.png", "2.png")
    (tmp_path / "l.csv").write_text(
        "name,split,blur,sharp\nfirst,train,1.png,2.png\nlast,test,1.png,2.png\n"
    )
    assert [pair.name for pair in find_pairs(tmp_path / "l.csv", "test")] == ["last"]
    with pytest.raises(DataError, match=r"one of \['test', 'train'\]"):
        find_pairs(tmp_path / "l.csv", "val")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Received: an empty file"),
        ("blur\na.png\n", "must have the columns blur and sharp"),
        ("a,b,c\n1,2,3\n", "must have the columns blur and sharp"),
        ("blur,sharp\n1.png,\n", "pair 1 of .* lacks a path"),
        ("blur,sharp\n1.png,none.png\n", r"none.png does not exist \(pair 1"),
        ("blur,sharp\n", "holds no pairs of images"),
    ],
)
def test_lists_that_are_none(text, says, tmp_path):
    made(tmp_path, "1.png")
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(DataError, match=says):
        find_pairs(tmp_path / "l.csv")


def test_a_list_in_another_code(tmp_path):
    (tmp_path / "l.csv").write_bytes("blur,sharp\nü.png,a.png\n".encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read as CSV in UTF-8"):
        find_pairs(tmp_path / "l.csv")


def test_the_right_images_are_read(tmp_path):
    from tfdeblur.data.sources import FolderSource

    made(tmp_path, *both(("blur/blur_1.png", "gt/gt_1.png"), ("blur/blur_2.png", "gt/gt_2.png")))
    source = FolderSource(find_pairs(tmp_path))
    for number in range(2):
        np.testing.assert_array_equal(source.load(number)[0], source.load(number)[1])
    assert not np.array_equal(source.load(0), source.load(1))
