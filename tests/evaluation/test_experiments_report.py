"""Reports and pictures of experiments: means, strict JSON, aligned tables, dots in their places."""

import json
import math

import numpy as np
import pytest

from tests.helpers import picture
from tfdeblur.evaluation.experiments.pictures import curves, panel, scatter
from tfdeblur.evaluation.experiments.report import ExperimentReport, ImageResult, Reference
from tfdeblur.evaluation.report_base import Failure


def result(name, **rows):
    values = {
        variant.replace("_", " "): {"psnr_rgb_u8": psnr, "seconds": 1.0}
        for variant, psnr in rows.items()
    }
    return ImageResult(name, 20, 30, values, 2.5)


@pytest.fixture
def report():
    images = [result("a", blurred=20.0, level_1=30.0), result("b", blurred=25.0, level_1=33.0)]
    return ExperimentReport(
        *("levels", "what it shows", "m", "d", "test", 3),
        settings={"size": 0, "betas": [0.1]},
        references=(Reference("others", {"level 1": {"psnr_rgb_u8": 28.77, "ssim": 0.9273}}),),
        notes=("mind this",),
        images=images,
        failures=[Failure("c", "broken")],
    )


def test_means_are_over_the_images_that_have_the_number(report):
    assert report.mean("level 1", "psnr_rgb_u8") == 31.5
    report.images.append(result("c", blurred=27.0))
    assert report.mean("level 1", "psnr_rgb_u8") == 31.5
    assert report.mean("blurred", "psnr_rgb_u8") == 24.0
    assert report.mean("level 9", "psnr_rgb_u8") is None
    assert report.variants == ["blurred", "level 1"] and report.metrics == [
        *("psnr_rgb_u8", "seconds")
    ]


def test_json_is_strict_and_complete(report, tmp_path):
    report.images.append(result("same", blurred=math.inf))
    report.summary = {"pearson": math.nan, "best": {"beta": 0.1}}
    report.write_json(tmp_path / "r.json")

    def refuse(text):
        raise AssertionError(f"{text} is not JSON")

    found = json.loads((tmp_path / "r.json").read_text(), parse_constant=refuse)
    assert found["images"][2]["rows"]["blurred"]["psnr_rgb_u8"] == "inf"
    assert found["summary"] == {"pearson": "nan", "best": {"beta": 0.1}}
    assert found["mean"]["rows"]["level 1"]["psnr_rgb_u8"] == 31.5
    assert found["data"] == {"name": "d", "split": "test", "count": 3}
    assert found["failures"] == [{"name": "c", "reason": "broken"}] and not found["complete"]
    assert found["references"][0]["rows"]["level 1"]["ssim"] == 0.9273
    assert set(found["metrics"]) == {"psnr_rgb_u8", "seconds"}


def test_tables_are_aligned_and_hold_the_published_numbers(report):
    lines = report.table().splitlines()
    assert lines[0].split() == ["mean", "of", "2", "images", "psnr_rgb_u8", "seconds"]
    assert lines[2].split() == ["level", "1", "31.50", "1.00"]
    assert len({len(line) for line in lines[:3]}) == 1
    assert "published: others" in lines and "28.77  0.9273" in lines[-1]
    columns = [("blurred, dB", "blurred", "psnr_rgb_u8"), ("none", "level 7", "psnr_rgb_u8")]
    rows = report.table_of_images(columns).splitlines()
    assert [row.split() for row in rows[1:]] == [["a", "20.00"], ["b", "25.00"]]
    facts = report.facts()
    assert "2 of 3 images" in facts and "note: mind this" in facts and "size 0" not in facts


def dots(plot, background=24):
    """Rows and columns of the pixels in the colour of the dots."""
    return np.nonzero((plot == (86, 180, 233)).all(axis=-1))


def test_dots_stand_where_their_numbers_are():
    rows, columns = dots(scatter([0.0, 1.0], [-1.0, 3.0], ("x", "y")))
    left, right = columns < columns.mean(), columns > columns.mean()
    assert rows[right].mean() < rows[left].mean()  # more is up
    one = scatter([0.5], [2.0], ("x", "y"))
    rows, columns = dots(one)
    assert rows.mean() == pytest.approx((480 - 56 + 28) / 2, abs=1)
    assert columns.mean() == pytest.approx((56 + 640 - 28) / 2, abs=1)
    bad = scatter([0.5, math.nan, 1.0], [2.0, 1.0, math.inf], ("x", "y"))
    np.testing.assert_array_equal(bad, one)
    assert scatter([], [], ("x", "y")).shape == one.shape


def test_curves_pass_through_their_points():
    plot = curves({"first": [(0, 0), (1, 1)], "none": []}, ("x", "y"))
    rows, columns = dots(plot[80:])
    assert np.corrcoef(rows, columns)[0, 1] < -0.9


def test_panels_hold_every_image():
    images = {f"image {i}": picture(40, 60, seed=i) for i in range(3)}
    one = panel([images])
    assert one.dtype == np.uint8 and one.shape[1] > 3 * 280
    two = panel([images, dict(list(images.items())[:2])])
    assert two.shape == (2 * one.shape[0], one.shape[1], 3)
    np.testing.assert_array_equal(two[: one.shape[0]], one)
