"""What a run can begin with: presets, runs and files, and what is refused by name."""

import numpy as np
import pytest

from tests.models.makers import CARD, network
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models import shipped
from tfdeblur.models.preset_files import save_preset
from tfdeblur.networks import Maxim
from tfdeblur.training.initial import begin_with, find_network


def begun(fresh, where):
    begin_with(fresh, find_network(str(where), "generator.keras", "run.init"))
    return fresh.get_weights()


def test_presets_runs_and_files_give_their_weights(tmp_path, monkeypatch):
    trained = network(seed=1)
    presets, run = tmp_path / "presets", tmp_path / "run"
    save_preset(trained, presets / "tiny", CARD)
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", presets)
    run.mkdir()
    trained.save(run / "generator.keras")
    for where in ("tiny", presets / "tiny", run, run / "generator.keras"):
        for ours, theirs in zip(begun(network(seed=2), where), trained.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)  # float16


def test_what_is_none_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path)
    save_preset(network(), tmp_path / "tiny", CARD)
    with pytest.raises(DataError, match=r"must be .* or a preset \(tiny\). Received: nowhere"):
        find_network("nowhere", "generator.keras", "run.init")
    with pytest.raises(DataError, match=r"Received: tiney. .* Did you mean tiny\?"):
        find_network("tiney", "generator.keras", "run.init")
    with pytest.raises(InvalidInput, match="`run.init` must hold a Maxim.*holds a BiSkip"):
        begin_with(Maxim(features=4), find_network("tiny", "generator.keras", "run.init"))
    same = "a network of the same settings. Received: .*tiny, width: .* there, 0.2 here. Leave"
    with pytest.raises(InvalidInput, match=same):
        begin_with(network(width=0.2), find_network("tiny", "generator.keras", "run.init"))
