"""Tables on narrow terminals: they fit, and what they leave out is told."""

import numpy as np
import pytest

from tests.evaluation.test_report import report, score
from tfdeblur.data.flow_pairs import flow_moments
from tfdeblur.evaluation.flow_report import FlowReport, FlowScore
from tfdeblur.evaluation.narrow import fitted, in_blocks

NAME = "GOPR0384_11_00-000001-with-a-long-name-that-goes-on"


def two():
    return report(
        score(f"{NAME}-1", (23.146, 0.73204, 0.85142), (24.5, 0.74126, 0.86), 12.3456),
        score(f"{NAME}-2", (9.5, 0.1, 0.2), (10.25, 0.3, 0.4)),
    )


def test_scores_fit_80_columns_and_show_the_restored_likeness():
    assert two().table(None) == two().table() == two().table(500)
    lines = two().table(80).splitlines()
    assert all(len(line) < 80 for line in lines)
    assert lines[0].split() == (
        "image psnr_rgb_u8, dB (gain) ssim_gauss ssim_matlab3d seconds".split()
    )
    assert lines[1].split()[1:] == "23.15 -> 24.50 ( +1.35) 0.741 0.860 12.346".split()
    assert lines[1].startswith("GOPR") and lines[1].split()[0].endswith("-1")  # the end tells them
    assert set(lines[3]) == {"-"} and lines[4].split()[0] == "mean"
    assert "SSIM of the restored images alone" in lines[5]


@pytest.mark.parametrize(
    ("columns", "heads"),
    [(70, "(gain) ssim_gauss seconds"), (56, "(gain) ssim_gauss"), (45, "(gain)")],
)
def test_columns_are_left_out_for_the_names(columns, heads):
    lines = two().table(columns).splitlines()
    assert lines[0].endswith(heads.split()[-1]) and all(len(line) < columns for line in lines)
    assert " ".join(lines[0].split()).endswith(heads)


def test_remarks_stand_below_their_rows():
    from dataclasses import replace

    found = two()
    found.images[0] = replace(found.images[0], degenerate=True, confidence=0.25)
    lines = found.table(80).splitlines()
    assert lines[2] == "  degenerate: the blurred image was kept" and lines[3].startswith("GOPR")
    assert all(len(line) < 80 for line in [*lines, *found.summary(80).splitlines()])
    assert "".join(found.summary(80).split()) == "".join(found.summary().split())


def test_flows_fit_80_columns():
    values = {"flow_mse": 2.0, "end_point_error": 1.5, "sign_free_epe": 1.25}
    moments = flow_moments(np.array([[[3, 4], [1, -2]]], "float32"))
    found = FlowReport("photos", "runs/sen", count=1)
    found.images.append(FlowScore(NAME, 1, 2, values, moments, 0.5, degenerate=True))
    lines = found.table(80).splitlines()
    assert all(len(line) < 80 for line in lines) and "seconds" not in lines[0]
    assert lines[1].startswith("GOPR") and lines[1].split()[1:] == ["2.000", "1.500", "1.250"]
    assert lines[2] == "  degenerate: counted as no motion" and set(lines[3]) == {"-"}
    assert lines[4].split() == ["mean", "2.000", "1.500", "1.250"]
    assert lines[5].split() == ["best", "constant", "flow", "5.000"]
    assert all(len(line) < 80 for line in found.summary(80).splitlines())


def test_nothing_measured_fits():
    assert len(report(count=4).table(60).splitlines()) == 1


def test_fitted_and_blocks():
    heads, rows = ["name", "a", "b" * 20, "c"], [["long" * 10, "1", "2", "3"]]
    assert fitted(heads, rows, 70) == [
        f"{'name':<40}  a  {'b' * 20}  c",
        f"{'long' * 10}  1  {'2':>20}  3",
    ]
    assert fitted(heads, rows, 30, [heads[2]]) == [
        f"{'name':<23}  a  c",
        "longlonglon…onglonglong  1  3",
    ]
    assert in_blocks(["name", "aaaa", "bbbb", "cccc"], [["x", "1", "2", "3"]], 18) == [
        "name  aaaa  bbbb",
        "----------------",
        "x        1     2",
        "",
        "name  cccc",
        "----------",
        "x        3",
    ]


def test_a_comparison_comes_in_blocks(tmp_path):
    from tests.evaluation.test_outputs import save
    from tfdeblur.evaluation.outputs import tables
    from tfdeblur.evaluation.outputs.protocols import PROTOCOLS, Case
    from tfdeblur.evaluation.outputs.run import compare_systems
    from tfdeblur.evaluation.outputs.systems import Folder

    image = np.random.default_rng(0).integers(0, 256, (40, 48, 3), "uint8")
    case = Case("a", "a", image, [image // 2])
    save(tmp_path / "a.png", image // 3)
    found = compare_systems(PROTOCOLS["gopro"], [case], [case], {"other": Folder(tmp_path)})
    assert tables.terminal_text(found) == tables.terminal_text(found, 300)
    whole = tables.terminal_text(found).split()
    narrow = tables.terminal_text(found, 80)
    assert all(len(line) < 80 for line in narrow.splitlines())
    numbers = lambda words: sorted(word for word in words if word[0].isdigit())  # noqa: E731
    assert numbers(narrow.split()) == numbers(whole)  # nothing is lost
    assert all(len(line) < 80 for line in tables.summary_text(found, 80).splitlines()[1:3])
