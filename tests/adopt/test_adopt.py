"""`tfdeblur adopt`: what is found out, what is written, and that `--model` restores with it."""

import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.adopt.makers import graph_of, run_plainly, sharpen, two_results, write_js, write_pb
from tests.cli.makers import levels, pixels
from tests.convert.makers import LICENCE, pack
from tests.helpers import picture
from tfdeblur import Restorer
from tfdeblur.cli.main import main
from tfdeblur.errors import DataError
from tfdeblur.restorers.open import kind_of


def adopt(*arguments):
    return main(["adopt", *map(str, arguments)])


def probe_of(folder):
    return json.loads((folder / "adopted.json").read_text())["probe"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An adopted network and the graph that it was."""
    folder = tmp_path_factory.mktemp("adopted")
    graph = graph_of(sharpen)
    archive = pack(write_js(folder / "package", graph), folder / "network-1.0.0.tgz")
    assert adopt(archive, "--out", folder / "model") == 0
    return folder / "model", graph


def test_what_is_written(model):
    folder, _ = model
    assert sorted(os.listdir(folder)) == ["LICENSE", "README.md", "adopted.json", "graph.pb"]
    assert (folder / "LICENSE").read_bytes() == LICENCE
    found = json.loads((folder / "adopted.json").read_text())
    assert found["source"] == "network-1.0.0.tgz" and list(found["sha256"]) == [found["source"]]
    probe = found["probe"]
    assert (probe["input"], probe["output"]) == ("image:0", "result:0")
    assert (probe["multiple"], probe["fixed"], probe["top"]) == (4, None, 1)
    assert probe["batches"] and probe["largest_bytes"] >= 12
    assert kind_of(folder).name == "adopted network"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_deblur_gives_what_tensorflow_gives(dtype, model, tmp_path):
    folder, graph = model
    image = levels(53, 47, dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "photo.png")
    if dtype == np.uint16:
        import cv2

        image = levels(53, 47, dtype=dtype)
        cv2.imwrite(str(tmp_path / "photo.png"), image[..., ::-1])
    out = tmp_path / "out"
    command = ["deblur", str(tmp_path / "photo.png"), "--out", str(out), "--model", str(folder)]
    assert main(command) == 0
    top = np.iinfo(dtype).max
    wanted = np.clip(run_plainly(graph, np.float32(image / top), multiple=4), 0, 1)
    found = pixels(out / "photo.png")
    assert found.dtype == dtype
    assert np.abs(found - np.round(wanted * top)).max() <= 1


def test_evaluate(model, tmp_path):
    folder, _ = model
    for role in ("blur", "sharp"):
        (tmp_path / "pairs" / role).mkdir(parents=True)
        Image.fromarray(levels(40, 48)).save(tmp_path / "pairs" / role / "0.png")
    report = tmp_path / "scores.json"
    data = ["--data", str(tmp_path / "pairs"), "--json", str(report)]
    assert main(["evaluate", *data, "--model", str(folder)]) == 0
    assert json.loads(report.read_text())["images"][0]["psnr_rgb_u8"]["restored"] > 20


def test_tiles_batches_and_passes(model):
    folder, graph = model
    image = picture(300, 270)
    whole = Restorer.from_preset(folder)(image).image
    tiled = Restorer.from_preset(folder, tile=160)
    assert tiled.plan(300, 270).tiles > 1
    np.testing.assert_allclose(tiled(image).image, whole, atol=1e-5)
    both = Restorer.from_preset(folder)(np.stack([image, image[::-1]])).image
    np.testing.assert_allclose(both[0], whole, atol=1e-5)
    assert Restorer.from_preset(folder, passes=2)(image[:40, :40]).passes == 2
    assert Restorer.from_preset(folder, self_ensemble=True)(image[:41, :40]).image.shape[0] == 41


def test_a_graph_that_was_changed_is_not_opened(tmp_path):
    source = write_pb(tmp_path / "a.pb", graph_of(sharpen))
    assert adopt(source, "--out", tmp_path / "model") == 0
    with open(tmp_path / "model" / "graph.pb", "ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match="another SHA-256"):
        Restorer.from_preset(tmp_path / "model")
    (tmp_path / "model" / "adopted.json").write_text("{}")
    with pytest.raises(DataError, match="`probe` must be as"):
        Restorer.from_preset(tmp_path / "model")


def test_the_finest_of_several_results_or_the_one_that_is_named(tmp_path, capsys):
    outputs = {"fine": {"name": "result:0"}, "coarse": {"name": "half:0"}}
    source = write_js(
        tmp_path / "package",
        graph_of(two_results),
        lambda model: model.update(signature={"outputs": outputs}),
    )
    assert adopt(source, "--out", tmp_path / "finest") == 0
    said = capsys.readouterr().err
    assert "heights and widths that are multiples of 4: others are padded" in said
    assert "has 2 results: result:0 is taken; not half:0 (see --output)" in said
    assert probe_of(tmp_path / "finest")["output"] == "result:0"
    assert adopt(source, "--out", tmp_path / "inner", "--output", "detail") == 0
    probe = probe_of(tmp_path / "inner")
    assert (probe["output"], probe["multiple"]) == ("detail:0", 1)
    assert adopt(source, "--out", tmp_path / "none", "--output", "detial") == 3
    said = capsys.readouterr().err
    assert "Near to it: detail. RGB images, the last first: result:0." in said
    assert not (tmp_path / "none").exists()


def test_levels_up_to_255(tmp_path):
    def bytewise(image):
        tf.clip_by_value(255 * sharpen(image / 255 + 0.1, name="inner") - 25.5, 0, 255)

    source = write_pb(tmp_path / "a.pb", graph_of(lambda x: tf.clip_by_value(x + 5, 0, 255)))
    assert adopt(source, "--out", tmp_path / "model") == 0
    assert probe_of(tmp_path / "model")["top"] == 255
    image = np.full((20, 20, 3), 100, np.uint8)
    np.testing.assert_array_equal(Restorer.from_preset(tmp_path / "model")(image).image, 105)
    source = write_pb(tmp_path / "b.pb", graph_of(bytewise))
    assert adopt(source, "--out", tmp_path / "b", "--white", 255) == 0
    assert probe_of(tmp_path / "b")["top"] == 255


def test_one_size_only(tmp_path):
    graph = graph_of(lambda image: sharpen(image, down=1), sides=(64, 96))
    assert adopt(write_pb(tmp_path / "a.pb", graph), "--out", tmp_path / "model") == 0
    assert probe_of(tmp_path / "model")["fixed"] == [64, 96]
    restorer = Restorer.from_preset(tmp_path / "model")
    free = graph_of(lambda image: sharpen(image, down=1))
    for size in ((30, 40), (64, 96), (150, 200)):
        image = picture(*size)
        wanted = np.clip(run_plainly(free, image), 0, 1)
        inner = (slice(2, -2), slice(2, -2))  # at its border a tile sees what is mirrored
        found = restorer(image).image
        np.testing.assert_allclose(found[inner], wanted[inner], atol=1e-5)
    turned = Restorer.from_preset(tmp_path / "model", self_ensemble=True)(picture(100, 70)).image
    assert turned.shape == (100, 70, 3)
    assert restorer(np.stack([picture(30, 40)] * 3)).image.shape == (3, 30, 40, 3)


def test_channels_first(tmp_path):
    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, (None, 3, None, None), name="image")
        inner = sharpen(tf.transpose(image, (0, 2, 3, 1)), name="inner")
        tf.transpose(inner, (0, 3, 1, 2), name="result")
    source = write_pb(tmp_path / "a.pb", graph.as_graph_def())
    assert adopt(source, "--out", tmp_path / "model") == 0
    assert probe_of(tmp_path / "model")["channels_first"]
    photo = picture(44, 52)
    found = Restorer.from_preset(tmp_path / "model")(photo).image
    wanted = np.clip(run_plainly(graph_of(sharpen), photo), 0, 1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_description_from_before_channels_came_first(model, tmp_path):
    folder = shutil.copytree(model[0], tmp_path / "model")
    found = json.loads((folder / "adopted.json").read_text())
    del found["probe"]["channels_first"]
    (folder / "adopted.json").write_text(json.dumps(found))
    assert Restorer.from_preset(folder)(picture(20, 20)).image.shape == (20, 20, 3)


def test_a_model_is_replaced_when_asked_and_only_then(tmp_path, capsys):
    source = write_pb(tmp_path / "a.pb", graph_of(sharpen))
    assert adopt(source, "--out", tmp_path / "model") == 0
    assert adopt(source, "--out", tmp_path / "model") == 3
    assert "`out` must be new or empty" in capsys.readouterr().err
    assert adopt(source, "--out", tmp_path / "model", "--overwrite") == 0
    (tmp_path / "model" / "diary.txt").write_text("kept")
    assert adopt(source, "--out", tmp_path / "model", "--overwrite") == 3
