"""The report: means, gains, strict JSON, a table whose columns stand under each other."""

import json
import math

import pytest

from tfdeblur.errors import DataError
from tfdeblur.evaluation.report import PROTOCOLS, EvaluationReport, ImageScore
from tfdeblur.evaluation.report_base import Failure


def score(name, before, after, seconds=0.5):
    return ImageScore(
        name=name,
        height=720,
        width=1280,
        blurred=dict(zip(PROTOCOLS, before, strict=True)),
        restored=dict(zip(PROTOCOLS, after, strict=True)),
        seconds=seconds,
    )


def report(*scores, count=None):
    return EvaluationReport(
        data="pairs",
        model="biskip",
        split="test",
        count=count,
        settings={"precision": "float32", "tile": None, "self_ensemble": False},
        machine={"cpu": "A CPU", "cores": 2, "tensorflow": "2.21.0", "accelerators": []},
        images=list(scores),
    )


def two():
    first = score("one", (20, 0.5, 0.6), (22, 0.7, 0.8), 1.0)
    return report(first, score("two", (30, 0.9, 0.9), (29, 0.8, 0.95), 3.0), count=2)


def test_means_are_over_images():
    measured = two()
    assert measured.mean("psnr_rgb_u8") == (25, 25.5)
    assert measured.mean("ssim_gauss") == pytest.approx((0.7, 0.75))
    assert measured.mean_gain_db == 0.5 and measured.mean_seconds == 2.0
    assert [one.gain_db for one in measured.images] == [2, -1]


def test_infinite_values_are_honest():
    perfect = score("same", (math.inf, 1, 1), (math.inf, 1, 1))
    worse = score("worse", (math.inf, 1, 1), (40, 0.9, 0.9))
    assert perfect.gain_db == 0 and worse.gain_db == -math.inf
    measured = report(perfect, two().images[0])
    assert measured.mean("psnr_rgb_u8") == (20, 22) and measured.mean_gain_db == 1
    assert "inf ->    inf" in measured.table()
    assert "exact          1 blurred and 1 restored images equal" in measured.summary()


def test_means_leave_infinite_values_out_and_say_so():
    perfect = score("same", (math.inf, 1, 1), (math.inf, 1, 1))
    solved = score("solved", (25, 0.5, 0.5), (math.inf, 1, 1))
    measured = report(*two().images, perfect, solved)
    assert measured.mean("psnr_rgb_u8") == (25, 25.5)
    assert measured.mean("ssim_gauss") == pytest.approx(((0.5 + 0.9 + 1 + 0.5) / 4, 3.5 / 4))
    assert measured.mean_gain_db == pytest.approx(1 / 3)  # 2, -1 and 0; an infinite one is left out
    assert measured.exact == measured.to_dict()["mean"]["exact"] == {"blurred": 1, "restored": 2}
    assert "exact" not in two().summary()


def test_all_infinite_or_one_that_is_no_number_stays_visible():
    measured = report(score("same", (math.inf, 1, 1), (math.nan, 0, 0)))
    before, after = measured.mean("psnr_rgb_u8")
    assert before == math.inf and math.isnan(after)


def test_json_is_strict_and_complete(tmp_path):
    measured = two()
    measured.images.append(score("same", (math.inf, 1, 1), (math.inf, 1, 1)))
    measured.failures.append(Failure("bad", "sizes differ"))
    path = tmp_path / "scores.json"
    path.write_text("older")
    measured.write_json(path)

    def refuse(constant):
        raise AssertionError(constant)

    found = json.loads(path.read_text(), parse_constant=refuse)
    assert found["data"] == {"name": "pairs", "split": "test", "count": 2}
    assert found["model"] == "biskip" and found["settings"]["precision"] == "float32"
    assert set(found["protocols"]) == {"psnr_rgb_u8", "ssim_gauss", "ssim_matlab3d"}
    assert found["machine"]["cores"] == 2 and found["complete"] is False
    assert found["mean"]["psnr_rgb_u8"] == {"blurred": 25, "restored": 25.5}
    assert found["images"][2]["psnr_rgb_u8"] == {"blurred": "inf", "restored": "inf"}
    assert float(found["images"][2]["psnr_rgb_u8"]["blurred"]) == math.inf
    assert found["mean"]["count"] == 3
    first = found["images"][0]
    assert (first["name"], first["height"], first["width"]) == ("one", 720, 1280)
    assert first["ssim_gauss"] == {"blurred": 0.5, "restored": 0.7}
    assert (first["gain_db"], first["seconds"], first["degenerate"]) == (2, 1.0, False)
    assert found["failures"] == [{"name": "bad", "reason": "sizes differ"}]
    assert list(tmp_path.iterdir()) == [path]  # no part of a file is left


def test_a_report_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        two().write_json(tmp_path / "no" / "folder" / "scores.json")


def test_nothing_measured():
    empty = report(count=4)
    assert not empty.is_complete and math.isnan(empty.mean_gain_db)
    assert empty.to_dict()["mean"]["gain_db"] == "nan"
    assert len(empty.table().splitlines()) == 1
    assert "0 of 4 images" in empty.summary()


def test_table_has_a_row_per_image_and_columns_in_line():
    measured = report(
        score("a", (9.5, 0.1, 0.2), (10.25, 0.3, 0.4)),
        score("a_much_longer_name", (23.146, 0.73204, 0.85142), (24.5, 0.74, 0.86), 12.3456),
    )
    head, first, second, rule, mean = measured.table().splitlines()
    assert len(first) == len(second) == len(mean) == len(head) == len(rule)
    assert " 23.15 ->  24.50 ( +1.35)" in second and "0.7320 -> 0.7400" in second
    assert second.endswith("12.346") and mean.startswith("mean ")
    arrows = [i for i, letter in enumerate(second) if letter == ">"]
    assert arrows == [i for i, letter in enumerate(mean) if letter == ">"] and len(arrows) == 3


def test_summary_says_what_was_measured():
    text = two().summary()
    for fact in ("pairs, split test: 2 images", "biskip (precision float32)", "A CPU, 2 cores"):
        assert fact in text
    assert "2.21.0" in text and all(name in text for name in PROTOCOLS)
