"""The page of results: what a command makes of reports, and nothing else."""

import json
from pathlib import Path

import pytest

from tfdeblur.cli.main import main
from tfdeblur.evaluation.outputs.shown import digits
from tfdeblur.evaluation.results.page import NOT_COMPARED, SHOWN
from tfdeblur.evaluation.results.published import columns_of
from tfdeblur.evaluation.results.read import portable

DOCS = Path(__file__).parents[2] / "docs"
MACHINE = {"cpu": "a processor", "cores": 2, "tensorflow": "2.21.0"}


def measured(model="nets/ours", values=((20.0, 21.0), (30.0, 32.5)), **more):
    """What `evaluate --json` writes of one model."""
    images = [
        {
            "name": f"GOPR0001_11_00-{i:06d}",
            **{"height": 720, "width": 1280, "seconds": 2.0, "degenerate": False},
            "psnr_rgb_u8": {"blurred": before, "restored": after},
        }
        for i, (before, after) in enumerate(values)
    ]
    return {
        **{"format": 1, "created": "2026-11-29T09:38:49+00:00", "model": model},
        "data": {"name": "/home/somebody/my data/pairs", "split": "test", "count": 2},
        **{"settings": {"protocol": "gopro", "precision": "float32", "self_ensemble": False}},
        **{"protocols": {"psnr_rgb_u8": "dB"}, "machine": MACHINE, "complete": True},
        **{"mean": {"seconds": 2.0}, "images": images, "failures": [], **more},
    }


def compared(**systems):
    """What `evaluate --outputs --json` writes; values of the two images by system."""
    rows = {"blurred": (20.0, 30.0), **systems}
    images = [
        {
            "name": f"GOPR0001_11_00-{i:06d}",
            "values": {
                name: {"psnr_rgb_u8": found[i], "cw_ssim": 0.5}
                for name, found in rows.items()
                if found[i] is not None
            },
        }
        for i in range(2)
    ]
    return {
        **{"format": 1, "created": "2026-11-30T09:38:49+00:00", "protocol": "gopro"},
        "data": {"name": "/srv/pairs", "split": "test", "count": 2},
        **{"metrics": {"psnr_rgb_u8": "dB", "cw_ssim": "wavelets"}, "settings": {}},
        "systems": {name: f"/home/{name}" for name in rows},
        **{"machine": MACHINE, "complete": False, "images": images},
        "failures": [{"system": "theirs", "name": "x", "kind": "missing", "reason": "no /a/b/x"}],
    }


def write(folder, **reports):
    paths = [folder / f"{name}.json" for name in reports]
    for path, report in zip(paths, reports.values(), strict=True):
        path.write_text(json.dumps(report))
    return [str(path) for path in paths]


def rows_of(page):
    """First cell of each row of all tables -> the others."""
    lines = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


def test_the_committed_page_is_what_the_command_makes(tmp_path, capsys):
    reports = sorted((DOCS / "results").glob("*.json"))
    assert reports
    assert main(["results", *map(str, reports), "--out", str(tmp_path / "page.md")]) == 0
    made = (tmp_path / "page.md").read_text("utf-8")
    assert made == (DOCS / "results.md").read_text("utf-8"), (
        "run: tfdeblur results docs/results/*.json --out docs/results.md"
    )
    for path in reports:
        text = path.read_text("utf-8")
        values = json.loads(text)
        assert portable(values) == values, f"{path}: use --keep, which removes paths"


def test_reports_on_the_same_images_share_a_table(tmp_path, capsys):
    files = write(tmp_path, b=measured(), a=compared(theirs=(20.5, None)))
    assert main(["results", *files]) == 0
    page = capsys.readouterr().out
    assert main(["results", *reversed(files)]) == 0
    assert capsys.readouterr().out == page  # the order of files does not matter
    assert page.count("\n### ") == 1 and "\n### pairs, split test: 2 images" in page
    rows = rows_of(page)
    assert rows["system"] == ["images", "gain, psnr_rgb_u8", "psnr_rgb_u8", "cw_ssim", "seconds"]
    assert rows["blurred"][2] == "25.00" and rows["blurred"][4] == ""
    assert rows["theirs"][:2] == ["1", "+0.50, 1 of 1 won"]
    assert rows["nets/ours"][:3] == ["2", "+1.75, 2 of 2 won", "26.75"]
    assert page.count("- too few images for an interval: fewer than 5\n") == 1
    assert rows["nets/ours"][4] == "2.00"
    assert "1 not scored, such as x" in page and "home" not in page


def test_published_rows_stand_in_the_table_of_their_own_data_set(tmp_path, capsys):
    report = measured()
    report["data"]["name"] = "/srv/GOPRO_Large"
    assert main(["results", *write(tmp_path, a=report)]) == 0
    page = capsys.readouterr().out
    bi_skip = next(cells for name, cells in rows_of(page).items() if "Bi-Skip:" in name)
    assert bi_skip == ["1,111", "", "*30.37*", "*0.76*"]
    assert "(ssim_matlab3d 0.9541)" in page  # no such column here
    assert "####" not in page and "published: GOPRO, the whole test set." in page


@pytest.mark.parametrize(
    ("data", "image"), [("val", "GOPR0001_11_00-1"), ("my gopro", "GOPR0001-1")]
)
def test_beside_somebody_s_own_pairs_they_stand_apart(data, image, tmp_path, capsys):
    report = measured(values=((20.0, 21.0),))
    report["data"]["name"], report["images"][0]["name"] = data, image
    files = write(tmp_path, a=report)
    assert main(["results", *files]) == 0
    page = capsys.readouterr().out
    above, heading, below = page.partition(
        "#### Published, measured on other images: GOPRO, the whole test set\n"
    )
    assert heading and "Bi-Skip" not in above and NOT_COMPARED in below
    rows = rows_of(below)
    assert rows["method"] == ["images", "psnr_rgb_u8", "ssim_matlab3d", "cw_ssim", "seconds"]
    bi_skip = next(cells for name, cells in rows.items() if "Bi-Skip:" in name)
    assert bi_skip == ["1,111", "*30.37*", "*0.9541*", "", "*0.76*"]
    assert main(["results", *files, "--no-published"]) == 0
    left = capsys.readouterr().out
    assert "ublished" not in left and "*In italics*" not in left
    assert rows_of(left) == rows_of(above)


def test_one_system_by_two_paths_is_one_row(tmp_path, capsys):
    near, far = measured("runs/first"), measured("/home/somebody/runs/first")
    near["data"]["name"], far["data"]["name"] = "my data/pairs", "/home/somebody/my data/pairs"
    other = measured("runs/other/first", values=((20.0, 21.0), (30.0, 32.4)))
    assert main(["results", *write(tmp_path, a=far, b=near, c=other)]) == 0
    page = capsys.readouterr().out
    names = list(rows_of(page))
    assert names[:4] == ["system", "blurred", "runs/first", "runs/other/first"]
    assert "### my data/pairs, split test" in page and page.count("\n### ") == 1


def test_five_images_have_intervals(tmp_path, capsys):
    five = [(20.0 + i, 21.0 + 2 * i) for i in range(5)]
    assert main(["results", *write(tmp_path, a=measured(values=five))]) == 0
    page = capsys.readouterr().out
    assert rows_of(page)["nets/ours"][1].startswith("+3.00 (") and "too few images" not in page


def test_other_images_are_another_table(tmp_path, capsys):
    files = write(tmp_path, a=measured(), b=measured(values=((20.0, 21.0), (30.1, 32.5))))
    assert main(["results", *files]) == 0
    assert capsys.readouterr().out.count("### pairs, split test: 2 images") == 2


def test_one_name_twice_is_told_apart(tmp_path, capsys):
    ensemble = measured()
    ensemble["settings"]["self_ensemble"] = True
    other = measured(values=((20.0, 21.0), (30.0, 32.4)))
    files = write(tmp_path, a=measured(), b=other, c=ensemble)
    assert main(["results", *files]) == 0
    names = list(rows_of(capsys.readouterr().out))
    assert names[1:5] == ["blurred", "nets/ours", "nets/ours (b.json)", "nets/ours, self ensemble"]


def test_one_system_in_two_reports_is_one_row(tmp_path, capsys):
    model = measured("ours", values=((20.0, 21.0), (30.0, 32.5)))
    files = write(tmp_path, a=compared(ours=(21.0, 32.5)), b=model)
    assert main(["results", *files]) == 0
    page = capsys.readouterr().out
    assert page.count("| ours |") == 1 and page.count("ours: measured") == 2
    assert rows_of(page)["ours"][3:] == ["0.5000", "2.00"]  # each of one of the reports


@pytest.mark.parametrize("name", ["GOPR0001_11_00-1", "mine-1"])
def test_without_a_published_column_nothing_is_said_of_italics(name, tmp_path, capsys):
    report = measured(values=((20.0, 21.0),))
    report["images"][0]["name"] = name
    assert main(["results", *write(tmp_path, a=report)]) == 0
    page, published = capsys.readouterr().out, name.startswith("GOPR")
    assert ("*In italics*" in page) == published
    assert ("- no published column has these images\n" in page) != published


def test_exact_images_are_counted_apart(tmp_path, capsys):
    files = write(tmp_path, a=measured(values=((20.0, "inf"), (30.0, 32.0))))
    assert main(["results", *files]) == 0
    page = capsys.readouterr().out
    assert rows_of(page)["nets/ours"][2] == "32.00"
    assert "nets/ours: 1 image equal to the sharp one, left out of the mean PSNR" in page


def test_flows_and_experiments(tmp_path, capsys):
    flows = measured(protocols={"flow_mse": "pixels^2"}, constant_flow={"flow_mse": 61.93})
    flows["data"]["name"] = "motion_flow/mscoco_23"
    for image in flows["images"]:
        image["flow_mse"] = 12.5
    experiment = {
        **{"format": 1, "experiment": "levels", "title": "level by level", "model": "/runs/rp"},
        "data": {"name": "/d/pairs", "split": None, "count": 1},
        **{"created": "2026-11-29T09:38:49+00:00", "machine": MACHINE, "images": [{"name": "a"}]},
        "metrics": {"psnr_rgb_u8": "dB"},
        "mean": {"count": 1, "rows": {"level 1": {"psnr_rgb_u8": 26.53}}},
        "summary": {"correlation": 0.71828, "best": {"level": 1}},
        "references": [{"source": "table 4", "rows": {"level 1": {"psnr_rgb_u8": 28.77}}}],
        "notes": ["one | run"],
    }
    assert main(["results", *write(tmp_path, f=flows, e=experiment)]) == 0
    page = capsys.readouterr().out
    rows = rows_of(page)
    assert rows["nets/ours"] == ["2", "12.50", "2.00"]
    sen = "*SEN: the motion-flow paper (SEN + RP-GAN), table 1*"
    assert rows[sen] == ["", "*2.71*", ""] and "flow_mse of 61.93" in page
    assert rows["level 1"] == ["26.53"] and rows["*level 1: table 4*"] == ["*28.77*"]
    assert "- correlation: 0.7183" in page and r"- one \| run" in page


def test_copies_make_the_same_page(tmp_path, capsys):
    files = write(tmp_path, a=measured(model="/home/x/nets/o u r s"), b=compared(theirs=(1, 2)))
    first, second, kept = tmp_path / "first.md", tmp_path / "second.md", tmp_path / "new" / "kept"
    assert main(["results", *files, "--out", str(first), "--keep", str(kept)]) == 0
    assert sorted(path.name for path in kept.iterdir()) == ["a.json", "b.json"]
    text = "".join(path.read_text() for path in kept.iterdir())
    assert "/home" not in text and "/srv" not in text and "no x" in text
    assert main(["results", *map(str, kept.iterdir()), "--out", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes() and "o u r s" in first.read_text()


def test_seconds_of_a_busy_machine_are_left_out(tmp_path, capsys):
    files, kept = write(tmp_path, a=measured()), tmp_path / "kept"
    assert main(["results", *files]) == 0
    timed = rows_of(capsys.readouterr().out)["nets/ours"]
    assert float(timed[-1]) > 0
    assert main(["results", *files, "--no-seconds", "--keep", str(kept)]) == 0
    assert rows_of(capsys.readouterr().out)["nets/ours"] == [*timed[:-1], ""]
    assert json.loads((kept / "a.json").read_text())["mean"]["seconds"] is None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/srv/runs/preset/maxim", "maxim"),
        (r"C:\Users\me\pairs", "pairs"),
        ("~/pairs", "pairs"),
        ("runs/first", "runs/first"),
        ("gopro_large/blur", "gopro_large/blur"),
        ("/tmp/x/a.png has 16 bits a channel", "a.png has 16 bits a channel"),
        ("it is 3 / 4 of that, and/or less", "it is 3 / 4 of that, and/or less"),
        ("https://arxiv.org/abs/1612.02177", "https://arxiv.org/abs/1612.02177"),
        ("dB (clipped, rounded)", "dB (clipped, rounded)"),
    ],
)
def test_paths_of_a_machine(text, left):
    assert portable({"a": [text]}) == {"a": [left]} and portable(left) == left


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[1]", "is no report"),
        (json.dumps({"a": 1}), "is no report"),
        (json.dumps(measured(format=7)), "of format 7; this version reads 1"),
        (json.dumps(measured(images=[])), "holds no image"),
        (json.dumps(measured(mean={})), "is a damaged report"),
        (json.dumps(measured(images=[{"name": "a"}])), "is a damaged report"),
        (json.dumps({"format": 1, "data": 3, "images": [3], "experiment": "e"}), "damaged"),
        ("\x00\xff", "is not JSON"),
    ],
)
def test_what_is_no_report_is_named(content, says, tmp_path, capsys):
    path = tmp_path / "scores.json"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    out = tmp_path / "page.md"
    assert main(["results", str(path), "--out", str(out), "--keep", str(tmp_path / "k")]) == 4
    error = capsys.readouterr().err
    assert says in error and "scores.json" in error and "Traceback" not in error
    assert not out.exists() and not (tmp_path / "k").exists()


def test_two_reports_of_one_name(tmp_path, capsys):
    (tmp_path / "b").mkdir()
    files = write(tmp_path, a=measured()) + write(tmp_path / "b", a=measured())
    assert main(["results", *files]) == 3
    assert "a.json twice" in capsys.readouterr().err


def test_columns_by_protocol_and_images():
    gopro = ["GOPR0384_11_00-000001", "GOPR0384_11_00-000002", "test-00"]

    def of(*table):
        return {how.value: c.images for how in SHOWN for c in columns_of(*table, how)}

    assert of("gopro", "gopro", gopro) == {"beside": 1111}
    assert of("gopro", "pairs", gopro) == of("gopro", "gopro", ["a003-1"]) == {"apart": 1111}
    assert of("gopro", "pairs", ["a003-1", "a003-2"]) == {}
    assert of("gopro", "pairs", ["GOPR0384", "GOPR0385"]) == {}  # of somebody's own camera
    assert of("kohler", "kohler", ["Blurry1_1"]) == {"beside": 48}
    assert of("kohler_proxy", "x", ["Blurry1_1"]) == {"apart": 48}
    assert of("flow", "motion_flow/mscoco_46", ["a"]) == {"beside": None}
    assert of("realblur", "gopro", gopro) == {}


@pytest.mark.parametrize(("metric", "decimals"), [("psnr_rgb_u8", 2), ("cw_ssim", 4)])
def test_digits(metric, decimals):
    assert digits(metric) == decimals
