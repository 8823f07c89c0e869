"""The door of all restorers: which kind a name means, and which options it refuses."""

import pytest

from tfdeblur.errors import InvalidInput
from tfdeblur.restorers.known_flow import KnownFlow
from tfdeblur.restorers.open import kind_of, open_restorer, possible_kinds, refuse_meaningless
from tfdeblur.restorers.options import WHY, OptionRefused, RestoringOptions, given
from tfdeblur.restorers.registry import kinds


def names_of(model):
    return [kind.name for kind in possible_kinds(model)]


def test_kinds_are_told_by_what_lies_there(tmp_path):
    assert names_of(tmp_path) == ["network"]  # opening it says what is wrong
    (tmp_path / "pipeline.json").touch()
    assert names_of(tmp_path) == ["RP-GAN"] and kind_of(tmp_path).name == "RP-GAN"
    file = tmp_path / "best.keras"
    file.touch()
    assert names_of(str(file)) == ["network"]
    assert names_of(None) == ["deconvolution"]


@pytest.mark.parametrize("name", ["", "gone", "gone.keras"])
def test_what_is_not_there_may_be_any_kind_and_is_named_when_opened(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert names_of(name) == ["RP-GAN", "adopted ONNX network", "adopted network", "network"]
    for opening in (kind_of, open_restorer):
        with pytest.raises(InvalidInput, match=f"No model '{name}': it must be a preset"):
            opening(name)


def test_exactly_one_kind_needs_no_model():
    assert [kind.name for kind in kinds() if not kind.needs_model] == ["deconvolution"]
    restorer = open_restorer(None, {"beta": 0.5, "rasterizer": None})
    assert isinstance(restorer, KnownFlow) and restorer.beta == 0.5
    plan = restorer.plan(30, 40)
    assert plan.tiles == 1 and plan.tile_pixels == 1200


def test_options_that_say_nothing_are_none():
    assert RestoringOptions().given() == {}
    assert RestoringOptions(passes=1, levels=2).given() == {"levels": 2}
    assert RestoringOptions(early_stop=False).given() == {"early_stop": False}
    asked = {"own": None, "other": False, "third": 0.5, "tile": 9}
    assert given(asked) == {"third": 0.5, "tile": 9}
    assert given({"own": 0, "tile": 0, "passes": 0}) == {"own": 0, "tile": 0, "passes": 0}


def test_every_kind_takes_options_that_there_are():
    known = set(RestoringOptions.__dataclass_fields__)
    assert known <= set(WHY)
    for kind in kinds():
        assert set(kind.takes) <= known, kind.name


def test_the_first_option_that_no_kind_takes_is_refused():
    refuse_meaningless(possible_kinds("gone"), {"levels": 2, "self_ensemble": True}, ["flow"])
    with pytest.raises(OptionRefused, match="does not take `levels`: a KnownFlow") as caught:
        refuse_meaningless(possible_kinds(None), {"own": 3, "levels": 2}, ["flow"])
    assert caught.value.option == "levels" and caught.value.why.startswith("works with RP-GAN")
    with pytest.raises(OptionRefused, match="Received: own=3") as caught:
        refuse_meaningless(possible_kinds(None), {"own": 3})
    assert caught.value.why == "means nothing for this model"
    with pytest.raises(OptionRefused, match="`flow`"):  # which is not how to restore
        refuse_meaningless(possible_kinds(None), {"flow": True})
    refuse_meaningless(possible_kinds(None), {}, ["flow", "known_flow"])
