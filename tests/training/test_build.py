"""What settings make of networks: the sizes that are told before, precision by machine."""

import pytest

from tfdeblur import processor
from tfdeblur.config import TrainConfig, override, size_multiple
from tfdeblur.networks import BiSkip
from tfdeblur.presets import preset
from tfdeblur.training.build import build_trainer
from tfdeblur.training.build_rp_gan import build_bi_skip

NARROW = {"network.width": 0.05, "network.norm": "none", "data.crop": 256}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"network.unshuffle": 2},
        {"network.unshuffle": 4, "network.blocks": "gated"},
        {"network.unshuffle": 2, "network.channels": "32,32,32"},
    ],
)
def test_bi_skip_has_the_size_that_settings_tell(settings):
    config = override(TrainConfig(), {**NARROW, **settings})
    network = build_bi_skip(config.network)
    assert network.size_multiple == size_multiple(config)
    assert network.blocks == config.network.blocks


@pytest.mark.parametrize("front", ["strided", "dilated"])
def test_sen_has_the_size_that_settings_tell(front):
    settings = {**NARROW, "network.unshuffle": 2, "sen.front": front, "sen.stacks": 1}
    config = override(preset("sen"), settings)
    network = build_trainer(config, 10 * config.run.epochs).network
    assert network.size_multiple == size_multiple(config)


@pytest.mark.parametrize(
    ("name", "parameters"), [("biskip", 3_986_944), ("biskip-fast", 1_366_224)]
)
def test_networks_of_presets(name, parameters):
    network = build_bi_skip(preset(name).network)
    assert isinstance(network, BiSkip) and network.unshuffle == 4
    assert network.count_params() == parameters


@pytest.mark.parametrize(
    ("native", "policy"), [(True, "mixed_bfloat16"), (False, "float32"), (None, "float32")]
)
def test_precision_by_machine(monkeypatch, native, policy):
    monkeypatch.setattr(processor, "has_bfloat16", lambda: native)
    settings = {
        **NARROW,
        "loss.scheme": "1-BS",
        "network.channels": "32,32",
        "network.depths": "0,0,0",
        "run.precision": "auto",
    }
    trainer = build_trainer(override(TrainConfig(), settings), 10)
    assert trainer.network.get_layer("merge0_conv").dtype_policy.name == policy


@pytest.mark.parametrize(
    ("text", "native"),
    [("flags : fpu avx512_bf16\n", True), ("flags : fpu avx2\n", False), ("Hardware : x\n", None)],
)
def test_what_a_processor_tells(monkeypatch, text, native):
    monkeypatch.setattr("pathlib.Path.read_text", lambda *a, **k: text)
    assert processor.has_bfloat16() is native


def test_no_processor_to_ask(monkeypatch):
    def missing(*arguments, **options):
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.read_text", missing)
    assert processor.information() == {} and processor.has_bfloat16() is None
