"""Tables of comparisons: what they show where there is no number."""

import numpy as np

from tests.evaluation.test_outputs import save
from tfdeblur.evaluation.outputs import tables
from tfdeblur.evaluation.outputs.protocols import PROTOCOLS, Case
from tfdeblur.evaluation.outputs.run import compare_systems
from tfdeblur.evaluation.outputs.shown import chance
from tfdeblur.evaluation.outputs.systems import Folder


def test_values_that_are_none_and_chances_that_are_small(tmp_path):
    """Images too small for a metric, systems with no image in common."""
    rng = np.random.default_rng(0)
    case = [
        Case(f"a-{i}", f"a-{i}", rng.integers(0, 256, (40, 48, 3), "uint8"), []) for i in (1, 2)
    ]
    cases = [Case(one.name, one.stem, one.blurred, [one.blurred // 2]) for one in case]
    for one, i in zip(cases, (1, 2), strict=True):
        save(tmp_path / f"s{i}" / f"{one.name}.png", one.blurred // 3)
    systems = {f"s{i}": Folder(tmp_path / f"s{i}") for i in (1, 2)}
    found = compare_systems(PROTOCOLS["gopro"], cases, cases, systems)
    text = tables.terminal_text(found)
    assert "s2 over s1: no image that both have" in text and "nan" not in text
    assert "| s2 over s1 | psnr_rgb_u8 | – | – | 0, 0, 0 | p = 1 |" in tables.markdown_text(found)
    latex = tables.latex_text(found)
    assert " & -- & -- & " in latex and "nan" not in latex and "–" not in latex
    assert chance(0.0) == "p < 1e-12" and chance(0.125) == "p = 0.12"
