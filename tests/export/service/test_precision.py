"""The arithmetic of served models: what export noted of the card decides, unless told otherwise."""

import json

import numpy as np
import pytest
import tensorflow as tf

from export import LocalService, export_model
from export.service.engine import Engine
from export.service.options import ServiceOptions
from tests.export.service.makers import Caller, add_version, picture
from tests.models.makers import network
from tfdeblur import processor
from tfdeblur.errors import InvalidInput


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setattr(processor, "has_bfloat16", lambda: True)


def opened(folder, precision="auto"):
    engine = Engine(folder, ServiceOptions(precision=precision))
    engine.close()
    return engine.precision


@pytest.mark.parametrize(
    ("noted", "chosen"),
    [
        *(({"bfloat16_costs_db": 0.004}, "bfloat16"), ({"bfloat16_costs_db": 0.2}, "float32")),
        *(({"bfloat16_costs_db": None}, "float32"), ({}, "float32")),
        ({"bfloat16_costs_db": "little"}, "float32"),
    ],
)
def test_what_was_noted(model, tmp_path, fast, noted, chosen):
    folder = add_version(model, tmp_path / "deblur", 1)
    (folder / "assets.extra").mkdir(exist_ok=True)
    values = {"size_multiples": {"network": 1}, **noted}
    (folder / "assets.extra" / "tfdeblur_export.json").write_text(json.dumps(values))
    assert opened(folder) == chosen
    assert opened(folder, "bfloat16") == "bfloat16" and opened(folder, "float32") == "float32"


def test_a_processor_without(model, tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "has_bfloat16", lambda: False)
    assert opened(add_version(model, tmp_path / "deblur", 1)) == "float32"


def test_an_exported_network_is_served_in_it(tmp_path, fast):
    net = network(width=0.06)
    net.bfloat16_costs_db = 0.001
    folder = export_model(net, tmp_path, "deblur")
    assert opened(folder) == "bfloat16"
    image = picture(32, 48)
    found = {}
    for precision in ("float32", "auto"):
        with (
            LocalService(tmp_path, precision=precision) as service,
            Caller(service.target) as caller,
        ):
            (answer,) = caller.predict(image=image).outputs.values()
        found[precision] = tf.make_ndarray(answer)
    np.testing.assert_allclose(found["auto"], found["float32"], atol=0.02)
    if processor.information() and "avx512_bf16" in processor.information().get("flags", ""):
        assert (found["auto"] != found["float32"]).any()


def test_an_unknown_one_is_named():
    with pytest.raises(InvalidInput, match="Received: precision='half'"):
        ServiceOptions(precision="half")
