"""`tfdeblur evaluate --outputs`: from folders of results to tables and a page, with exit codes."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.helpers import picture
from tfdeblur.cli.main import main


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.round(255 * np.clip(image, 0, 1)).astype("uint8")).save(path)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """pairs/, and results good/ (three quarters of the way) and poor/ (a quarter)."""
    for i in range(4):
        sharp = picture(32, 40, seed=i)
        blurred = np.roll(sharp, 2, axis=1)
        for folder, part in (("pairs/blur", 0), ("pairs/sharp", 1), ("good", 0.75), ("poor", 0.25)):
            save(tmp_path / folder / f"v-{i}.png", part * sharp + (1 - part) * blurred)
    monkeypatch.chdir(tmp_path)
    return tmp_path


FILES = ["--json", "s.json", "--csv", "s.csv", "--markdown", "s.md", "--latex", "s.tex"]


def test_two_folders_to_every_kind_of_file(place, capsys):
    command = ["evaluate", "--outputs", "good", "--outputs", "b=poor", "--data", "pairs", *FILES]
    assert main([*command, "--html", "page.html"]) == 0
    out = capsys.readouterr().out
    assert "b over good: -" in out and "won 0, lost 4, tied 0, sign test p = 0.12" in out
    found = json.loads((place / "s.json").read_text())
    assert found["complete"] and list(found["systems"]) == ["blurred", "good", "b"]
    means = {name: of["psnr_rgb_u8"]["value"] for name, of in found["mean"].items()}
    assert means["blurred"] < means["b"] < means["good"]
    pair = next(p for p in found["pairs"] if (p["first"], p["second"]) == ("good", "b"))
    assert pair["difference"]["value"] == pytest.approx(means["b"] - means["good"])
    assert len((place / "s.csv").read_text().splitlines()) == 1 + 4 * 3
    assert (place / "s.tex").read_text().count("\\\\\n") == 1 + 3  # the head, three systems
    assert "| good | 4 |" in (place / "s.md").read_text()
    assert (
        len(list((place / "page_pictures").iterdir())) == 4 * 10
    )  # four images, error and saliency of two systems, two saliencies


def test_a_terminal_is_told_at_once_what_goes_on(place, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert main(["evaluate", "--outputs", "good", "--data", "pairs"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == [
        "loading what measures images ...",
        "preparing (the first image of a size takes longer) ...",
    ]


def test_of_few_images_no_interval_is_shown(place, capsys):
    command = ["evaluate", "--outputs", "good", "--data", "pairs", "--markdown", "s.md"]
    assert main([*command, "--html", "page"]) == 0
    out = capsys.readouterr().out
    assert "written: page.html, and its pictures beside it: page_pictures/" in out
    for text in (out, (place / "s.md").read_text(), (place / "page.html").read_text()):
        assert text.lower().count("too few images for an interval: fewer than 5") == 1
        assert " to 2" not in text and "bootstrap" not in text


def test_what_is_wrong_is_named_and_the_rest_is_scored(place, capsys):
    (place / "good/v-0.png").unlink()
    (place / "good/v-1.png").write_bytes(b"none")
    save(place / "good/other.png", picture(32, 40))
    command = ["evaluate", "--outputs", "good", "--data", "pairs", "--json", "s.json"]
    assert main(command) == 3
    error = capsys.readouterr().err
    for says in ("good: v-0: there is no image", "good: v-1: ", "good: other.png: belongs to no"):
        assert f"not scored: {says}" in error
    assert "not scored: 1 extra, 1 missing, 1 unusable" in error and "Traceback" not in error
    found = json.loads((place / "s.json").read_text())
    assert found["mean"]["good"]["psnr_rgb_u8"]["count"] == 2
    assert len(found["failures"]) == 3 and not found["complete"]


def test_a_part_of_the_data_makes_no_file_an_extra_one(place):
    command = ["evaluate", "--outputs", "good", "--data", "pairs"]
    assert main([*command, "--limit", "2"]) == main([*command, "--only", "v-3"]) == 0


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--outputs", "none"], 4, "`--outputs` must name a folder"),
        (["--outputs", "good", "--outputs", "good/"], 3, "a name of its own"),
        (["--outputs", "blurred=good"], 3, "other than 'blurred'"),
        (["--outputs", "good", "--html", "none/page.html"], 3, "`--html` must name a file"),
        (["--outputs", "good", "--protocol", "flow"], 3, "`--protocol flow` measures one --model"),
        (["--outputs", "good", "--panels", "p"], 3, "`--panels` does not go with"),
        (["--outputs", "good", "--blur-extent", "9"], 3, "`--blur-extent` does not go with"),
        (["--outputs", "good", "--protocol", "kohler"], 4, "no blurred images of Köhler"),
        (["--outputs", "good", "--only", "x*"], 3, "No pair is left"),
        (
            ["--outputs", "good", "--pairs", "none/*.png", "sharp/*.png"],
            4,
            "pairs/sharp/v-0.png has no blurred partner of 'none/*.png'",
        ),
        (
            ["--outputs", "good", "--pairs", "none/*.png", "nor/*.png"],
            4,
            "none fits. Received: 'none/*.png' 'nor/*.png' below pairs, whose 8 images begin: "
            "blur/v-0.png",
        ),
        (
            ["--outputs", "good", "--protocol", "kohler", "--pairs", "blur/*.png", "sharp/*.png"],
            3,
            "and protocol kohler takes the frames of Köhler's benchmark",
        ),
    ],
)
def test_bad_arguments(place, capsys, options, code, says):
    assert main(["evaluate", "--data", "pairs", *options]) == code
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error
    assert not (place / "page.html").exists() and not (place / "p").exists()


def test_a_model_beside_a_folder(place, capsys):
    import keras

    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Conv2D(3, 1, use_bias=False)(image))
    network.layers[-1].set_weights([0.5 * np.eye(3)[None, None]])
    network.save(place / "half.keras")
    command = ["evaluate", "--outputs", "good", "--model", "half=half.keras", "--data", "pairs"]
    assert main([*command, "--limit", "2", "--json", "s.json"]) == 0
    found = json.loads((place / "s.json").read_text())
    assert list(found["systems"]) == ["blurred", "good", "half"]
    assert found["mean"]["half"]["psnr_rgb_u8"]["value"] < 15


@pytest.mark.parametrize("protocol", ["gopro", "realblur"])
def test_pairs_by_patterns_are_what_systems_are_scored_on(place, protocol):
    """Of the same folder, other blurred images than its layout names."""
    for i in range(4):
        darker = 0.5 * np.asarray(Image.open(place / f"pairs/sharp/v-{i}.png")) / 255
        save(place / f"pairs/blur_gamma/v-{i}.png", darker)
    means = []
    for pairs in ([], ["--pairs", "blur_gamma/*.png", "sharp/*.png"]):
        command = ["evaluate", "--outputs", "good", "--data", "pairs", "--json", "s.json", *pairs]
        assert main([*command, "--protocol", protocol]) == 0
        found = json.loads((place / "s.json").read_text())["mean"]
        means.append([next(iter(found[name].values()))["value"] for name in ("blurred", "good")])
    assert means[0][1] == means[1][1] and abs(means[0][0] - means[1][0]) > 1


@pytest.mark.parametrize(("white", "differs"), [([], False), (["--white-level", "full"], True)])
def test_ten_bits_are_the_same_in_one_table_as_by_itself(place, white, differs, capsys):
    """What a model makes of ten bits in sixteen, alone and as one of the systems."""
    import cv2
    import keras

    image = keras.Input((None, None, 3))
    keras.Model(image, keras.layers.Rescaling(0.8)(image)).save(place / "dim.keras")
    command = ["evaluate", "--model", "dim.keras", "--data", "pairs", "--json", "s.json"]

    def psnr(*options):
        assert main([*command, *options]) == 0
        found = json.loads((place / "s.json").read_text())
        values = [one.get("psnr_rgb_u8") or one["values"] for one in found["images"]]
        return [
            one["restored"] if "restored" in one else one["dim.keras"]["psnr_rgb_u8"]
            for one in values
        ]

    eight = psnr()
    for path in (place / "pairs").rglob("*.png"):
        levels = np.asarray(Image.open(path)).astype(np.uint16)
        cv2.imwrite(str(path), (levels * 4)[..., ::-1])
    alone, compared = psnr(*white), psnr("--csv", "s.csv", *white)
    assert compared == pytest.approx(alone)
    assert any(abs(a - b) > 1 for a, b in zip(eight, alone, strict=True)) == differs


def test_passes_are_recorded_beside_other_systems(place):
    import keras

    image = keras.Input((None, None, 3))
    keras.Model(image, keras.layers.Rescaling(0.8)(image)).save(place / "dim.keras")
    command = ["evaluate", "--outputs", "good", "--model", "dim.keras", "--data", "pairs"]
    assert main([*command, "--passes", "2", "--json", "s.json"]) == 0
    settings = json.loads((place / "s.json").read_text())["settings"]
    assert settings["passes"] == 2 and settings["no_early_stop"] is False
