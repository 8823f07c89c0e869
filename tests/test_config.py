import json

import pytest

from tfdeblur.config import TrainConfig, flatten, from_json, override, to_json
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
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(InvalidInput, match=message):
        override(TrainConfig(), settings)


def test_unknown_preset_lists_the_known():
    with pytest.raises(InvalidInput, match="must be one of .*paper.*small"):
        preset("large")
