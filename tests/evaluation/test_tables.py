"""Tables of comparisons: what they show where there is no number."""

import numpy as np

from tests.evaluation.test_outputs import save
from tfdeblur.evaluation.outputs import tables
from tfdeblur.evaluation.outputs.protocols import PROTOCOLS, Case
from tfdeblur.evaluation.outputs.run import compare_systems
from tfdeblur.evaluation.outputs.shown import chance
from tfdeblur.evaluation.outputs.systems import Folder
from tfdeblur.evaluation.page.write import page_text


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
    assert " & -- & " in latex and "nan" not in latex and "–" not in latex
    assert chance(0.0) == "p < 1e-12" and chance(0.125) == "p = 0.12"


def three_systems(place, of_easy):
    """Two systems with all three images, and one that has `of_easy` of them, nearly right."""
    rng = np.random.default_rng(1)
    cases = []
    for i in range(3):
        sharp = rng.integers(0, 200, (40, 48, 3), "uint8")
        cases.append(Case(f"a-{i}", f"a-{i}", sharp // 2, [sharp]))
        save(place / "near" / f"a-{i}.png", sharp + 9)
        save(place / "far" / f"a-{i}.png", sharp + 30)
        if i in of_easy:
            save(place / "easy" / f"a-{i}.png", sharp + 1)
    systems = {name: Folder(place / name) for name in ("near", "far", "easy")}
    return compare_systems(PROTOCOLS["gopro"], cases, cases, systems)


def test_means_over_different_images_are_not_set_against_each_other(tmp_path):
    found = three_systems(tmp_path, of_easy=[1])
    rows = {line.split(" & ")[0]: line for line in tables.latex_text(found).splitlines()}
    assert "\\textbf" not in rows["easy"] and rows["easy"].startswith("easy & 1 & 48.13 & ")
    assert rows["near"].startswith("near & 3 & \\textbf{29.05} & ")
    says = "Means are over different images, and not to be compared: easy has 1 of 3. Read"
    texts = [tables.latex_text(found), tables.markdown_text(found), tables.terminal_text(found)]
    for text in [*texts, page_text(found, "page.html")]:
        assert says in text and "(easy over blurred, ...)" in text
    assert all(len(line) < 60 for line in tables.terminal_text(found, 60).splitlines())


def test_means_over_the_same_images_are(tmp_path):
    found = three_systems(tmp_path, of_easy=[0, 1, 2])
    latex = tables.latex_text(found)
    assert "easy & 3 & \\textbf{48.13} & " in latex
    assert "different images" not in latex + tables.markdown_text(found)


def test_one_system_with_all_images_is_no_best(tmp_path):
    """The input alone has all of them."""
    sharp = np.random.default_rng(2).integers(0, 200, (40, 48, 3), "uint8")
    cases = [Case(f"a-{i}", f"a-{i}", sharp // 2, [sharp]) for i in range(2)]
    save(tmp_path / "one" / "a-0.png", sharp + 9)
    found = compare_systems(PROTOCOLS["gopro"], cases, cases, {"one": Folder(tmp_path / "one")})
    assert "textbf" not in tables.latex_text(found)
