"""ONNX files of others, from the file to restored images."""

import json
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.adopt.onnx import makers
from tests.adopt.onnx.makers import image, model_of, run_plainly, sharpen, turned, write
from tests.cli.makers import levels, pixels
from tests.helpers import picture
from tfdeblur import Restorer
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.restorers.memory import bytes_per_pixel
from tfdeblur.restorers.open import kind_of


def adopt(*arguments):
    return main(["adopt", *map(str, arguments)])


def probe_of(folder):
    return json.loads((folder / "adopted.json").read_text())["probe"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    (folder / "LICENSE").write_text("MIT")
    assert adopt(write(folder / "a.onnx", model_of()), "--out", folder / "model") == 0
    return folder / "model"


def test_channels_first(model):
    probe = probe_of(model)
    assert probe["channels_first"] and probe["batches"]
    assert (probe["input"], probe["output"]) == ("image", "result")
    assert (probe["multiple"], probe["fixed"], probe["top"]) == (2, None, 1)
    assert probe["largest_bytes"] >= 12
    assert (model / "LICENSE").read_text() == "MIT"
    assert kind_of(model).name == "adopted ONNX network"
    photo = picture(40, 46)
    found = Restorer.from_preset(model)(photo).image
    np.testing.assert_allclose(found, np.clip(run_plainly(photo), 0, 1), atol=1e-5)


def test_channels_last(tmp_path, capsys):
    shape = (None, None, None, 3)
    changed = model_of(turned(sharpen()), [image("photo", shape)], [image("last", shape)])
    assert adopt(write(tmp_path / "a.onnx", changed), "--out", tmp_path / "model") == 0
    assert not probe_of(tmp_path / "model")["channels_first"]
    assert "takes photo: RGB, levels from 0 to 1" in capsys.readouterr().err
    photo = picture(40, 46)
    found = Restorer.from_preset(tmp_path / "model")(photo).image
    np.testing.assert_allclose(found, np.clip(run_plainly(photo), 0, 1), atol=1e-5)


@pytest.mark.parametrize("last", [False, True])
def test_the_order_of_axes_is_found_out_where_nothing_tells_it(last, tmp_path):
    nodes, names = (turned(sharpen()), ("photo", "last")) if last else (sharpen(), None)
    given, result = names or ("image", "result")
    changed = model_of(nodes, [image(given, (None,) * 4)], [image(result, (None,) * 4)])
    assert adopt(write(tmp_path / "a.onnx", changed), "--out", tmp_path / "model") == 0
    assert probe_of(tmp_path / "model")["channels_first"] is not last


def test_one_size_only(tmp_path):
    shape = (1, 3, 64, 96)
    detail = sharpen()[:1]  # tiles that begin at an odd place average other pixels
    changed = model_of(detail, [image("image", shape)], [image("detail", shape)])
    assert adopt(write(tmp_path / "a.onnx", changed), "--out", tmp_path / "model") == 0
    probe = probe_of(tmp_path / "model")
    assert probe["fixed"] == [64, 96] and not probe["batches"]
    restorer = Restorer.from_preset(tmp_path / "model")
    inner = (slice(2, -2), slice(2, -2))  # at its border a tile sees what is mirrored
    for size in ((30, 40), (64, 96), (150, 200)):
        photo = picture(*size)
        wanted = np.clip(run_plainly(photo, mean=0), 0, 1)
        np.testing.assert_allclose(restorer(photo).image[inner], wanted[inner], atol=1e-5)
    assert restorer(np.stack([picture(30, 40)] * 3)).image.shape == (3, 30, 40, 3)


def test_tiles_batches_passes_and_16_bits(model, tmp_path):
    photo = picture(300, 270)
    whole = Restorer.from_preset(model)(photo).image
    tiled = Restorer.from_preset(model, tile=160)
    assert tiled.plan(300, 270).tiles > 1
    np.testing.assert_allclose(tiled(photo).image, whole, atol=1e-5)
    both = Restorer.from_preset(model)(np.stack([photo, photo[::-1]])).image
    np.testing.assert_allclose(both[0], whole, atol=1e-5)
    assert Restorer.from_preset(model, passes=2)(photo[:40, :40]).passes == 2
    assert Restorer.from_preset(model, self_ensemble=True)(photo[:41, :40]).image.shape[0] == 41
    deep = levels(30, 32, dtype=np.uint16)
    wanted = np.round(65535 * np.clip(run_plainly(deep / 65535), 0, 1))
    assert np.abs(Restorer.from_preset(model)(deep).image - wanted).max() <= 1


def test_deblur_and_evaluate(model, tmp_path):
    for role in ("blur", "sharp"):
        (tmp_path / "pairs" / role).mkdir(parents=True)
        Image.fromarray(levels(40, 48)).save(tmp_path / "pairs" / role / "0.png")
    photo = str(tmp_path / "pairs" / "blur" / "0.png")
    assert main(["deblur", photo, "--out", str(tmp_path / "out"), "--model", str(model)]) == 0
    wanted = np.round(255 * np.clip(run_plainly(levels(40, 48) / 255), 0, 1))
    assert np.abs(pixels(tmp_path / "out" / "0.png") - wanted).max() <= 1
    report = tmp_path / "scores.json"
    data = ["--data", str(tmp_path / "pairs"), "--json", str(report)]
    assert main(["evaluate", *data, "--model", str(model)]) == 0
    assert json.loads(report.read_text())["images"][0]["psnr_rgb_u8"]["restored"] > 20


def test_its_memory_is_foreseen_by_the_runtime_that_holds_it(model):
    network = Restorer.from_preset(model).network
    assert bytes_per_pixel(network) == 2.25 * 3.75 * probe_of(model)["largest_bytes"]


def test_bfloat16_is_refused(model, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["deblur", "a", "--out", "b", "--model", str(model), "--precision", "bfloat16"])
    assert stop.value.code == 2 and "not with ONNX files" in capsys.readouterr().err
    with pytest.raises(InvalidInput, match="does not take `precision`"):
        Restorer.from_preset(model, precision="bfloat16")


def test_an_inner_result_and_the_finest_of_several(tmp_path, capsys):
    outputs = [image("small"), image("result")]
    source = write(tmp_path / "a.onnx", model_of(outputs=outputs))
    assert adopt(source, "--out", tmp_path / "finest") == 0
    assert "has 2 results: result is taken; not small" in capsys.readouterr().err
    assert probe_of(tmp_path / "finest")["output"] == "result"
    kept = onnx.load_model(tmp_path / "finest" / "graph.onnx")
    assert [value.name for value in kept.graph.output] == ["result"]
    assert adopt(source, "--out", tmp_path / "inner", "--output", "detail") == 0
    kept = onnx.load_model(tmp_path / "inner" / "graph.onnx")
    assert [node.op_type for node in kept.graph.node] == ["Conv"]
    assert [tensor.name for tensor in kept.graph.initializer] == ["kernel"]
    assert adopt(source, "--out", tmp_path / "none", "--output", "detial") == 3
    said = capsys.readouterr().err
    assert "Near to it: detail." in said and "RGB images, the last first: result." in said
    assert not (tmp_path / "none").exists()


def test_an_operator_that_is_not_needed_is_not_looked_at(tmp_path):
    extra = makers.helper.make_node("RandomNormalLike", ["result"], ["noise"])
    source = write(tmp_path / "a.onnx", model_of([*sharpen(), extra]))
    assert adopt(source, "--out", tmp_path / "model") == 0


def test_weights_in_another_file_are_brought_in(tmp_path):
    source = makers.write_outside(tmp_path / "a.onnx", model_of())
    assert (tmp_path / "weights.bin").stat().st_size >= makers.KERNEL.nbytes
    assert adopt(source, "--out", tmp_path / "model") == 0
    digests = json.loads((tmp_path / "model" / "adopted.json").read_text())["sha256"]
    assert list(digests) == ["a.onnx", "weights.bin"]
    photo = picture(20, 30)
    found = Restorer.from_preset(tmp_path / "model")(photo).image
    np.testing.assert_allclose(found, np.clip(run_plainly(photo), 0, 1), atol=1e-5)


def test_what_misleads_is_left_out(tmp_path):
    changed = model_of(opsets=[("", 17), ("com.example", 1)], doc_string="x", producer_name="y")
    changed.metadata_props.add(key="ort_config", value="{}")
    assert adopt(write(tmp_path / "a.onnx", changed), "--out", tmp_path / "model") == 0
    kept = onnx.load_model(tmp_path / "model" / "graph.onnx")
    assert not kept.metadata_props and not kept.doc_string and len(kept.opset_import) == 1


def test_a_model_of_one_format_replaces_one_of_another(model, tmp_path):
    from tests.adopt.makers import graph_of, write_pb
    from tests.adopt.makers import sharpen as of_tensorflow

    frozen = write_pb(tmp_path / "a.pb", graph_of(of_tensorflow))
    written = write(tmp_path / "a.onnx", model_of())
    for source, kind in ((frozen, "adopted network"), (written, "adopted ONNX network")):
        assert adopt(source, "--out", tmp_path / "model", "--overwrite") == 0
        assert kind_of(tmp_path / "model").name == kind


def test_a_folder_that_was_changed_is_not_opened(tmp_path):
    source = write(tmp_path / "a.onnx", model_of())
    assert adopt(source, "--out", tmp_path / "model") == 0
    with open(tmp_path / "model" / "graph.onnx", "ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match="another SHA-256"):
        Restorer.from_preset(tmp_path / "model")


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_without_the_extra_it_says_how_to_install_it(missing, model, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, missing, None)
    source = write(tmp_path / "a.onnx", model_of())
    before = sorted(tmp_path.rglob("*"))
    assert adopt(source, "--out", tmp_path / "model") == 4
    assert "pip install 'tfdeblur[onnx]'" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(DataError, match=r"pip install 'tfdeblur\[onnx\]'"):
        Restorer.from_preset(model)
