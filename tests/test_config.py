import json

import pytest

from tfdeblur.config import TrainConfig, flatten, from_json, override, size_multiple, to_json
from tfdeblur.errors import InvalidInput
from tfdeblur.presets import PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    config = preset(name)
    assert from_json(json.loads(json.dumps(to_json(config)))) == config


def test_paper_preset_is_section_5():
    settings = flatten(preset("paper"))
    section_5 = {
        "loss.scheme": "SA1P-BS",
        "loss.pixel_weight": 100.0,
        "loss.feature_weight": 0.1,
        "loss.critic_steps": 2,
        "optimizer.name": "adam",
        "optimizer.learning_rate": 1e-4,
        "optimizer.schedule": "linear",
        "optimizer.constant_part": 0.5,
        "run.epochs": 300,
        "data.batch": 1,
        "data.crop": 256,
        "network.norm": "batch",
        "network.width": 1.0,
    }
    assert {k: settings[k] for k in section_5} == section_5


def test_text_is_read_as_the_settings_own_type():
    config = override(
        TrainConfig(),
        {"optimizer.learning_rate": "2e-3", "data.turns": "true", "data.train_only": "a-*,b-*"},
    )
    assert config.optimizer.learning_rate == 2e-3
    assert config.data.turns is True
    assert config.data.train_only == ("a-*", "b-*")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer.lr": "1"}, r"known setting. Received: optimizer.lr"),
        ({"optimizer.learning_rat": "1"}, r"Did you mean optimizer.learning_rate"),
        ({"run.epochs": "many"}, r"`run.epochs` must be of type int. Received: run.epochs='many'"),
        ({"run.epochs": 0}, r"`run.epochs` must be greater than 0. Received: run.epochs=0"),
        ({"data.crop": 100}, r"`data.crop` must be a multiple of 16. Received: data.crop=100"),
        ({"data.turns": "perhaps"}, r"`data.turns` must be of type bool"),
        ({"network.norm": "layer"}, r"`network.norm` must be one of"),
        ({"optimizer.ema": 1.0}, r"`optimizer.ema` must be at least 0 and below 1"),
        ({"model": "sen2"}, r"`model` must be one of"),
        ({"network.unshuffle": 3}, r"`network.unshuffle` must be one of.*network.unshuffle=3"),
        ({"network.blocks": "x"}, r"`network.blocks` must be one of.*network.blocks='x'"),
        ({"network.channels": "8"}, r"`network.channels` must be two or more numbers.*\(8,\)"),
        ({"network.channels": "8,0"}, r"`network.channels` must be two.*\(8, 0\)"),
        (
            {"network.channels": "8,9", "network.blocks": "gated"},
            r"`network.channels` must be two or more even numbers.*\(8, 9\)",
        ),
        ({"network.depths": "1,2"}, r"`network.depths` must be 9 numbers.*5 scales.*\(1, 2\)"),
        ({"network.channels": "8,x"}, r"`network.channels` must be of type int"),
        (
            {"network.unshuffle": 4, "data.crop": 96},
            r"`data.crop` must be a multiple of 64 for this network. Received: data.crop=96",
        ),
        ({"optimizer.decay_steps": 5}, r"decay_steps` needs optimizer.schedule=constant.*=5"),
        ({"model": "sen", "network.blocks": "gated"}, r"`network.blocks` must be left out"),
        ({"model": "rpgan", "network.channels": "8,8"}, r"`network.channels` must be left out"),
        ({"model": "maxim", "network.unshuffle": 2}, r"`network.unshuffle` must be 1 for MAXIM"),
        (
            {"model": "sen", "network.unshuffle": 4, "data.crop": 192},
            r"`data.crop` must be a multiple of 256 for SEN",
        ),
        (
            {"model": "rpgan", "rpgan.prior": "biskip", "network.unshuffle": 4, "data.crop": 96},
            r"`data.crop` must be a multiple of 64, for the flows",
        ),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(InvalidInput, match=message):
        override(TrainConfig(), settings)


@pytest.mark.parametrize("name", ["small", "biskip", "biskip-fast", "sen", "sen-small", "rpgan"])
def test_crops_of_presets_fit(name):
    config = preset(name)
    assert config.data.crop % size_multiple(config) == 0


def test_biskip_preset_is_the_recipe():
    settings = flatten(preset("biskip"))
    recipe = {
        "network.unshuffle": 4,
        "network.blocks": "gated",
        "network.depths": (2, 6, 3, 1, 2, 2, 2),
        "data.blur": "dynamic",
        "data.batch": 8,
        "data.crop": 256,
        "loss.scheme": "1-BS",
        "optimizer.name": "muon",
        "optimizer.learning_rate": 1e-3,
        "optimizer.schedule": "constant",
        "optimizer.ema": 0.998,
    }
    assert {k: settings[k] for k in recipe} == recipe


def test_unknown_preset_lists_the_known():
    with pytest.raises(InvalidInput, match="must be one of .*paper.*small"):
        preset("large")


@pytest.mark.parametrize("name", ["optimizer.learning_rate", "sen.further_rate"])
def test_learning_rates_have_a_bound(name):
    assert flatten(override(preset("small"), {name: 10}))[name] == 10
    for rate in ("10.5", "1e30", "inf"):
        with pytest.raises(InvalidInput, match=f"`{name}` must be at most 10, .* {name}="):
            override(preset("small"), {name: rate})
