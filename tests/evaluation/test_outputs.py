"""Folders of finished images: which file is whose, statistics, numbers that nothing moves."""

import math

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.test_scores import pair
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.evaluation.outputs import tables
from tfdeblur.evaluation.outputs.find import find_outputs
from tfdeblur.evaluation.outputs.kohler_folder import find_kohler
from tfdeblur.evaluation.outputs.protocols import PROTOCOLS, Case, choose
from tfdeblur.evaluation.outputs.run import compare_systems
from tfdeblur.evaluation.outputs.statistics import (
    compare_two,
    sequence_of,
    sign_test,
    summarize,
)
from tfdeblur.evaluation.outputs.systems import Folder, Model


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def data(tmp_path):
    """Six pairs of two videos, in GOPRO's own layout."""
    for video in ("GOPR0001_11_00", "GOPR0002_11_00"):
        for i in range(3):
            sharp, blurred = pair(24, 30, 0.1, seed=i)
            for role, image in (("sharp", sharp), ("blur", blurred)):
                save(tmp_path / "data/test" / video / role / f"{i:06d}.png", image)
    return tmp_path / "data"


def outputs(folder, data, part=0.5, name=lambda case: f"{case.name}.png"):
    """Results between blurred and sharp."""
    for case in PROTOCOLS["gopro"].find(str(data), "test"):
        sharp, blurred = (
            np.asarray(Image.open(p), float) for p in (case.references[0], case.blurred)
        )
        mixed = np.round(part * sharp + (1 - part) * blurred).astype("uint8")
        save(folder / name(case), mixed)
    return folder


def compared(folder, systems, **options):
    protocol = PROTOCOLS["gopro"]
    cases = protocol.find(str(folder), "test")
    chosen = options.pop("cases", cases)
    return compare_systems(protocol, cases, chosen, systems, **options)


CASES = [Case(f"V{v}-00{i}", f"00{i}", None, []) for v in (1, 2) for i in (1, 2)]


@pytest.mark.parametrize(
    "names",
    [
        ["V1-001.png", "V1-002.png", "V2-001.png", "V2-002.png"],
        ["V1/001.png", "V1/002.jpg", "V2/001.webp", "V2/002.tif"],
        ["test/V1/blur/001.png", "test/V1/blur/002.png", "V2/sharp/001.png", "V2-002.PNG"],
        ["deep/er/V1-001.png", "deep/er/V1-002.png", "V2-001.png", "V2-002.png"],
    ],
)
def test_files_of_all_cases(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find_outputs(tmp_path, CASES)
    assert [str(found.files[case.name].relative_to(tmp_path)) for case in CASES] == names
    assert not found.problems and not found.extra


def test_files_that_are_none_of_it(tmp_path):
    for name in ("V1-001.png", "V1-001.jpg", "v1_002.png", "V2-001.npy", "logo.png", ".V2-002.png"):
        (tmp_path / name).write_bytes(b"")
    found = find_outputs(tmp_path, CASES)
    assert found.files == {}
    assert found.problems == {
        "V1-001": "V1-001.jpg and V1-001.png are both its result. Keep one of them",
        "V1-002": "there is no image of this name; is it v1_002.png? Name it V1-002",
        "V2-001": "there is no image of this name; V2-001.npy is of a kind that is not read",
        "V2-002": "there is no image of this name",
    }
    assert found.extra == ["logo.png", "v1_002.png"]


def test_bare_names_only_where_they_are_unique(tmp_path):
    (tmp_path / "001.png").write_bytes(b"")
    assert find_outputs(tmp_path, CASES).files == {}  # of V1, or of V2
    assert list(find_outputs(tmp_path, CASES[:2]).files) == ["V1-001"]


def test_folders_without_anything(tmp_path):
    with pytest.raises(DataError, match="holds no images"):
        find_outputs(tmp_path, CASES)
    with pytest.raises(DataError, match="there is none"):
        find_outputs(tmp_path / "none", CASES)


def test_order_threads_and_names_change_no_number(data, tmp_path):
    first = Folder(outputs(tmp_path / "a", data))
    one = compared(data, {"a": first}, threads=1)
    cases = PROTOCOLS["gopro"].find(str(data), "test")
    other = compared(data, {"a": first}, cases=cases[::-1], threads=4)
    assert [image.name for image in other.images] == [image.name for image in one.images][::-1]
    by_name = [{image.name: image.values for image in found.images} for found in (one, other)]
    np.testing.assert_equal(by_name[1], by_name[0])  # NaN of small images included
    np.testing.assert_equal(other.to_dict()["mean"], one.to_dict()["mean"])
    np.testing.assert_equal(other.to_dict()["pairs"], one.to_dict()["pairs"])
    renamed = Folder(
        outputs(tmp_path / "b", data, name=lambda c: c.name.replace("-", "/") + ".bmp")
    )
    beside = compared(data, {"z": renamed, "a": first}, threads=3)
    means = beside.to_dict()["mean"]
    assert means["z"] == means["a"] == one.to_dict()["mean"]["a"]


def test_what_cannot_be_scored_is_named_and_the_rest_is_scored(data, tmp_path):
    folder = outputs(tmp_path / "a", data)
    names = sorted(path.name for path in folder.iterdir())
    image = np.asarray(Image.open(folder / names[0]))
    (folder / names[0]).write_bytes((folder / names[0]).read_bytes()[:-200])
    save(folder / names[1], image[:, :-1])
    save(folder / names[2], image[..., 0])
    (folder / names[3]).unlink()
    save(folder / names[4], np.dstack([image, np.full(image.shape[:2], 9, "uint8")]))
    save(folder / "else.png", image)
    found = compared(data, {"a": Folder(folder)})
    kinds = {(bad.kind, bad.name): bad.reason for bad in found.failures}
    stems = [name[:-4] for name in names]
    assert list(kinds) == [
        ("extra", "else.png"),
        *(("unusable", stem) for stem in stems[:3]),
        ("missing", stems[3]),
        ("unusable", stems[4]),
    ]
    for stem, says in ((0, "cut off"), (1, "29 x 24"), (2, "gray"), (4, "transparent")):
        assert says in kinds["unusable", stems[stem]]
    assert [name for name in found.values("a", "psnr_rgb_u8")] == stems[5:]
    assert len(found.values("blurred", "psnr_rgb_u8")) == 6
    assert not found.is_complete


def test_sixteen_bits_are_refused(data, tmp_path):
    import cv2

    folder = outputs(tmp_path / "a", data)
    path = sorted(folder.iterdir())[0]
    cv2.imwrite(str(path), np.zeros((24, 30, 3), "uint16"))
    found = compared(data, {"a": Folder(folder)})
    assert [bad.name for bad in found.failures] == [path.stem]
    assert "16 bits" in found.failures[0].reason


def test_a_broken_pair_costs_itself_alone(data, tmp_path):
    folder = outputs(tmp_path / "a", data)
    (data / "test/GOPR0001_11_00/sharp/000001.png").write_bytes(b"none")
    found = compared(data, {"a": Folder(folder)})
    assert [(bad.system, bad.kind) for bad in found.failures] == [("", "pair")]
    assert len(found.images) == 5


def test_models_are_scored_like_folders(data, tmp_path):
    class Answer:
        def __init__(self, image):
            self.image, self.score, self.remark = image * 0.5, 0.25, "darker"

    found = compared(data, {"half": Model("half.keras", Answer)})
    image = found.images[0]
    assert image.confidence == {"half": 0.25} and image.remarks == {"half": "darker"}
    assert found.gain_db(image, "half") < 0
    with pytest.raises(InvalidInput, match="blurred"):
        compared(data, {"blurred": Model("x", Answer)})


def test_jpeg_results_carry_a_remark(data, tmp_path):
    folder = outputs(tmp_path / "a", data, name=lambda case: f"{case.name}.jpg")
    found = compared(data, {"a": Folder(folder)})
    assert all("compression" in image.remarks["a"] for image in found.images)


def test_means_and_intervals_by_hand():
    found = summarize([1.0, 2.0, 3.0, math.inf], ["a", "a", "b", "b"])
    assert (found.value, found.count, found.infinite) == (2.0, 3, 1)
    assert 1 <= found.low < 2 < found.high <= 3
    # Two sequences of sums 3 of two and 3 of one: resampled means are 1.5, 2 or 3.
    assert (found.low_by_sequence, found.high_by_sequence) == (1.5, 3.0)
    same = summarize([5.0] * 4, ["a"] * 4)
    assert (same.low, same.high, same.low_by_sequence) == (5.0, 5.0, None)
    assert math.isnan(summarize([], []).value) and summarize([math.inf], ["a"]).value == math.inf


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        found = summarize(list(rng.standard_normal(30)), ["a"] * 30)
        hits += found.low <= 0 <= found.high
    assert 86 <= hits <= 99


@pytest.mark.parametrize(
    ("won", "lost", "p"), [(5, 0, 2 / 32), (0, 5, 2 / 32), (3, 1, 10 / 16), (2, 2, 1), (0, 0, 1)]
)
def test_sign_test_by_hand(won, lost, p):
    assert sign_test(won, lost) == pytest.approx(p)


def test_pairs_are_compared_on_what_both_have():
    first = {"a": 1.0, "b": 2.0, "c": math.inf}
    second = {"b": 4.0, "c": math.inf, "d": 9.0}
    found = compare_two(("x", first), ("y", second), "m", dict.fromkeys("abcd", "s"))
    assert (found.won, found.lost, found.tied) == (1, 0, 1)
    assert found.difference.value == 1.0 and found.difference.count == 2


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("GOPR0384_11_00-000001", "GOPR0384_11_00"),
        ("Blurry1_3", "Blurry1"),
        ("kodim07", "kodim"),
        ("123", "123"),
        ("flower", "flower"),
    ],
)
def test_sequences(name, sequence):
    assert sequence_of(name) == sequence


def test_tables_hold_every_number_and_escape_names(data, tmp_path):
    found = compared(data, {"a_1|%": Folder(outputs(tmp_path / "a", data))}, data="d")
    rows = [line.split(",") for line in tables.csv_text(found).splitlines()]
    assert len(rows) == 1 + 6 * 2 and rows[0][4:6] == ["system", "psnr_rgb_u8"]
    value = found.images[0].values["a_1|%"]["psnr_rgb_u8"]
    assert float(rows[2][5]) == value
    mean = found.means()["a_1|%"]["psnr_rgb_u8"].value
    assert f"| a_1\\|% | 6 | {mean:.2f} (" in tables.markdown_text(found)
    latex = tables.latex_text(found)
    assert f"a\\_1|\\% & 6 & \\textbf{{{mean:.2f}}} &" in latex
    assert latex.splitlines()[1:5] == [
        r"\begin{tabular}{lrrrrrrrr}",
        r"\hline",
        r"system & images & psnr\_rgb\_u8 & ssim\_gauss & ssim\_matlab3d & ssim\_uniform & "
        r"ms\_ssim & cw\_ssim & saliency \\",
        r"\hline",
    ]
    assert latex.endswith(" \\\\\n\\hline\n\\end{tabular}\n")
    assert latex.count("\n") == 9  # the comment, two systems
    assert f"{mean:.2f}" in tables.terminal_text(found)


def kohler(folder, kernels=((1, 1), (1, 2)), frames=2):
    for i, k in kernels:
        sharp, blurred = pair(170, 165, 0.1, seed=i + k)
        save(folder / f"BlurryImages/Blurry{i}_{k}.png", blurred)
        for f in range(1, frames + 1):
            save(folder / f"Image{i}/Kernel{k}/GroundTruth{i}_{k}_{f}.png", np.roll(sharp, f, 1))
    return folder


def test_kohler_as_published(tmp_path):
    folder = kohler(tmp_path / "data")
    cases = PROTOCOLS["kohler"].find(str(folder), None)
    assert [case.name for case in cases] == ["Blurry1_1", "Blurry1_2"]
    assert [path.name for path in cases[1].references] == [
        "GroundTruth1_2_1.png",
        "GroundTruth1_2_2.png",
    ]
    for case in cases:
        save(tmp_path / f"out/{case.name}.png", np.asarray(Image.open(case.references[1])))
    found = compare_systems(PROTOCOLS["kohler"], cases, cases, {"a": Folder(tmp_path / "out")})
    assert set(found.values("a", "kohler_psnr").values()) == {math.inf}
    assert found.means()["a"]["kohler_msssim"].value == pytest.approx(1)


def test_kohler_proxy_takes_one_frame_of_the_image_for_all_kernels(tmp_path):
    folder = kohler(tmp_path)
    found = find_kohler(folder, proxy=True)
    assert [[frame.name for frame in one[3]] for one in found] == [["GroundTruth1_1_1.png"]] * 2


def test_kohler_leaves_out_what_the_authors_leave_out(tmp_path):
    folder = kohler(tmp_path, kernels=((1, 3),), frames=31)
    names = [path.stem for path in find_kohler(folder, proxy=False)[0][3]]
    assert len(names) == 30 and "GroundTruth1_3_30" not in names


def test_kohler_without_its_stacks(tmp_path):
    for path in (kohler(tmp_path) / "Image1/Kernel2").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="Blurry1_2 has no frames.*kohler_proxy"):
        find_kohler(tmp_path, proxy=False)
    with pytest.raises(DataError, match="no blurred images"):
        find_kohler(tmp_path / "Image1", proxy=False)


def test_realblur_as_published(tmp_path):
    sharp, blurred = pair(60, 70, 0.05)
    save(tmp_path / "scene001/blur/blur_7.png", blurred)
    save(tmp_path / "scene001/gt/gt_7.png", sharp)
    cases = PROTOCOLS["realblur"].find(str(tmp_path), None)
    assert [(case.name, case.stem) for case in cases] == [("scene001-blur_7", "scene001-7")]
    save(tmp_path / "out/scene001-7.png", sharp)
    found = compare_systems(PROTOCOLS["realblur"], cases, cases, {"a": Folder(tmp_path / "out")})
    values = found.images[0].values
    assert values["a"]["realblur_psnr"] > values["blurred"]["realblur_psnr"] + 10


def test_choosing_none():
    with pytest.raises(InvalidInput, match="No pair is left"):
        choose(CASES, ["x*"], [], None)
