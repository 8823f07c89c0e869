"""`tfdeblur evaluate` of a SEN: what is measured, files, and what does not go together."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.data.makers import image, write
from tfdeblur.cli.main import main
from tfdeblur.image.flow_files import write_flow
from tfdeblur.image.padding import pad_to_multiple
from tfdeblur.metrics import flow_mse, sign_free_end_point_error
from tfdeblur.models.load import find_sen
from tfdeblur.networks import SEN, BiSkip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A SEN as a file and as a run, with and without a generator; pairs; photographs."""
    place = tmp_path_factory.mktemp("place")
    for folder in ("sen", "rpgan"):
        (place / folder).mkdir()
        SEN(stacks=1, width=0.03).save(place / folder / "sen.keras")
    (place / "bad").mkdir()
    (place / "bad" / "sen.keras").write_bytes(b"no network")
    generator = BiSkip(width=0.125, norm="none", head_initializer="zeros")
    generator.save(place / "rpgan" / "generator.keras")
    for i, size in enumerate([(40, 50), (40, 50), (33, 70)]):
        write(place / "pairs" / "test" / "blur" / f"{i}.png", image(*size, 2 * i))
        write(place / "pairs" / "test" / "sharp" / f"{i}.png", image(*size, 2 * i + 1))
        flow = np.random.default_rng(i).normal(0, 5, (*size, 2)).astype("float32")
        (place / "pairs" / "test" / "flow").mkdir(exist_ok=True)
        write_flow(place / "pairs" / "test" / "flow" / f"{i}.npz", flow)
        write(place / "photos" / f"p{i}.png", image(*size, 10 + i))
    write(place / "plain" / "blur" / "a.png", image(40, 40))
    write(place / "plain" / "sharp" / "a.png", image(40, 40, 1))
    return place


def run(place, *options):
    return main(["evaluate", *(str(option).format(place=place) for option in options)])


def test_the_table_is_that_of_the_network_on_whole_frames(place, tmp_path, capsys):
    import keras

    scores, panels = tmp_path / "scores.json", tmp_path / "panels"
    options = ["--model", "{place}/sen", "--data", "{place}/pairs", "--json", scores]
    assert run(place, *options, "--panels", panels) == 0
    found = json.loads(scores.read_text())
    assert found["data"] == {"name": f"{place}/pairs", "split": "test", "count": 3}
    assert found["settings"] == {"protocol": "flow", "precision": "float32"}
    network = keras.saving.load_model(place / "sen" / "sen.keras")
    for i, (height, width) in enumerate([(40, 50), (40, 50), (33, 70)]):
        blurred = image(height, width, 2 * i).astype("float32") / 255
        true = np.random.default_rng(i).normal(0, 5, (1, height, width, 2)).astype("float32")
        padded, _ = pad_to_multiple(blurred[np.newaxis], 64)
        estimated = np.asarray(network(padded, training=False))[:, :height, :width]
        row = found["images"][i]
        assert row["flow_mse"] == pytest.approx(float(flow_mse(true, estimated)[0]), rel=1e-3)
        expected = float(sign_free_end_point_error(true, estimated)[0])
        assert row["sign_free_epe"] == pytest.approx(expected, rel=1e-3)
        strip = np.asarray(Image.open(panels / f"{i}.png"))
        assert strip.shape == (height, 4 * width, 3)
        np.testing.assert_array_equal(strip[:, :width], image(height, width, 2 * i))
    assert list(found["first_call_seconds"]) == ["40x50", "33x70"]
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[:4]] == ["image", "0", "1", "2"]
    assert any(row.startswith("best constant flow") for row in rows)


def test_photographs_are_blurred_the_same_way_each_time(place, tmp_path):
    common = ["--model", "{place}/sen/sen.keras", "--data", "{place}/photos", "--blur-extent", 9]
    blur, scores = ["--blur-law", "physical"], [tmp_path / f"{i}.json" for i in range(2)]
    assert run(place, *common, *blur, "--only", "p[02]", "--json", scores[0]) == 0
    assert run(place, *common, *blur, "--only", "p2", "--json", scores[1]) == 0
    both, one = (json.loads(path.read_text()) for path in scores)
    assert one["images"][0]["flow_mse"] == pytest.approx(both["images"][1]["flow_mse"])
    assert both["data"] == {"name": f"{place}/photos", "split": None, "count": 2}
    assert both["settings"] == {
        "protocol": "flow",
        "precision": "float32",
        "blur_law": "physical",
        "blur_extent": 9,
        "blur_strength": "strong",
    }


def test_a_run_of_rp_gan_holds_a_sen_that_can_be_asked_for(place, tmp_path):
    assert find_sen(f"{place}/sen") == (place / "sen" / "sen.keras", True)
    assert find_sen(f"{place}/rpgan") == (place / "rpgan" / "sen.keras", False)
    assert find_sen(f"{place}/rpgan/generator.keras") == (None, False)
    (tmp_path / "broken.keras").write_bytes(b"PK, but no archive")
    assert find_sen(str(tmp_path / "broken.keras")) == find_sen("no such") == (None, False)
    options = ["--data", "{place}/pairs", "--limit", 1, "--protocol", "flow"]
    assert run(place, "--model", "{place}/rpgan", *options) == 0


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["sen", "--data", "{place}/plain"], 4, "pairs without flows: there is no"),
        (["sen", "--data", "{place}/none"], 4, "There is no such folder"),
        (["sen", "--data", "{place}/pairs", "--protocol", "gopro"], 3, "take --protocol flow"),
        (["sen", "--data", "{place}/pairs", "--tile", "64"], 3, "`--tile` is for restoring"),
        (["sen", "--data", "{place}/pairs", "--blur-law", "physical"], 3, "blurred already"),
        (["sen", "--data", "{place}/photos", "--blur-extent", "0.5"], 3, "max_extent"),
        (["sen", "--data", "{place}/photos", "--only", "q*"], 4, "only=['q*']"),
        (["sen", "--data", "{place}/photos", "--pairs", "*", "*"], 3, "`--pairs` is for protocol"),
        (
            ["sen", "--data", "{place}/photos", "--white-level", "full"],
            3,
            "`--white-level` is for protocol gopro",
        ),
        (["bad", "--data", "{place}/photos"], 4, "sen.keras cannot be loaded as a Keras model"),
        (
            ["rpgan/generator.keras", "--data", "{place}/plain", "--protocol", "flow"],
            3,
            "`--model` must be a run folder that holds sen.keras",
        ),
        (
            ["rpgan/generator.keras", "--data", "{place}/plain", "--blur-strength", "mild"],
            3,
            "`--blur-strength` blurs photographs to measure a SEN",
        ),
    ],
)
def test_what_does_not_go_together_is_named(place, capsys, options, code, message):
    assert run(place, "--model", "{place}/" + options[0], *options[1:]) == code
    assert message in capsys.readouterr().err
