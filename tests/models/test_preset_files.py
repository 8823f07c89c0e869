"""Presets as files: what is written comes back, and what is not as it was written is refused."""

import hashlib
import io
import json
import shutil
import tracemalloc
import zipfile

import keras
import numpy as np
import pytest

from tests.helpers import picture
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.models import preset_files
from tfdeblur.models.preset_files import load_preset, save_preset
from tfdeblur.models.weights_file import weights_by_path
from tfdeblur.networks import SEN, BiSkip, RPGANGenerator
from tfdeblur.restorers.network import Restorer

CARD = {
    "name": "tiny",
    "description": "For tests.",
    "licences": ["Apache-2.0"],
    "gains_db": {"GOPRO": 1.25},
    "seconds_per_megapixel": {"abacus": 2},
    "precision": {"bfloat16": "costs 0.01 dB"},
    "source": {"architecture": "Bi-Skip"},
    "training": {"data": "none", "command": "tfdeblur train"},
}


def network(seed=1, width=0.1):
    keras.utils.set_random_seed(seed)
    return BiSkip(variant="S", width=width, norm="none")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    assert save_preset(network(), folder, CARD) == folder
    return folder


@pytest.fixture
def preset(made, tmp_path):
    """A copy that may be broken."""
    return shutil.copytree(made, tmp_path / "tiny")


def rehash(folder):
    """Lets the card say that the files are as they should be."""
    card = json.loads((folder / "card.json").read_text())
    for name in card["sha256"]:
        card["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "card.json").write_text(json.dumps(card))


def change_card(folder, **values):
    card = json.loads((folder / "card.json").read_text()) | values
    (folder / "card.json").write_text(json.dumps(card))


def arrays(folder):
    with np.load(folder / "weights.npz", allow_pickle=False) as found:
        return dict(found)


def replace_arrays(folder, values):
    with open(folder / "weights.npz", "wb") as file:
        np.savez(file, **values)
    rehash(folder)


@pytest.mark.parametrize("kind", [BiSkip, SEN, RPGANGenerator])
def test_a_network_comes_back(kind, tmp_path):
    saved = kind(width=0.06)
    again = load_preset(save_preset(saved, tmp_path / "tiny", CARD))
    assert type(again) is kind
    assert again.get_config() | {"name": ""} == saved.get_config() | {"name": ""}
    for ours, theirs in zip(saved.get_weights(), again.get_weights(), strict=True):
        assert theirs.dtype == np.float32
        np.testing.assert_array_equal(theirs, ours.astype(np.float16))


def test_each_weight_is_there_once_by_its_path(made):
    found = arrays(made)
    assert found["down0_conv/kernel"].shape == (3, 3, 3, 3)
    assert {value.dtype for value in found.values()} == {np.dtype("float16")}
    assert sum(v.size for v in found.values()) == network().count_params()
    sen = SEN(stacks=2, width=0.03)  # its stacks have layers of the same names
    assert len(weights_by_path(sen)) == len(sen.weights)


def test_the_card_is_complete(made):
    card = json.loads((made / "card.json").read_text())
    assert card.items() >= CARD.items() and card["format"] == 1
    assert card["parameters"] == network().count_params()
    size = (made / "weights.npz").stat().st_size
    assert abs(card["megabytes"] - size / 1e6) < 0.006
    for name in ("weights.npz", "network.json"):
        assert card["sha256"][name] == hashlib.sha256((made / name).read_bytes()).hexdigest()
    text = (made / "README.md").read_text()
    for part in ("# tiny", "GOPRO: +1.25 dB", "abacus: 2.00", "Apache-2.0", "costs 0.01 dB"):
        assert part in text


def test_the_same_network_gives_the_same_bytes(made, tmp_path):
    save_preset(network(), tmp_path / "again", CARD)
    for name in ("weights.npz", "network.json", "card.json", "README.md"):
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes()


def test_it_restores_by_its_folder(made):
    image = picture(20, 30)
    restored = Restorer.from_preset(made)(image).image
    np.testing.assert_allclose(restored, Restorer(network())(image).image, atol=0.01)


def test_further_files_are_copied_and_a_readme_replaces_ours(tmp_path):
    for name in ("LICENSE", "README.md"):
        (tmp_path / name).write_text(f"my {name}")
    files = [tmp_path / "LICENSE", tmp_path / "README.md"]
    folder = save_preset(network(), tmp_path / "new" / "tiny", CARD, files=files)
    assert [(folder / file.name).read_text() for file in files] == ["my LICENSE", "my README.md"]
    with pytest.raises(InvalidInput, match=r"must not hold what is written.*card.json"):
        save_preset(network(), tmp_path / "other", CARD, files=["x/card.json"])
    with pytest.raises(DataError, match="cannot be written.*nothing-here"):
        save_preset(network(), tmp_path / "other", CARD, files=[tmp_path / "nothing-here"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["LICENSE", "README.md", "new"]


@pytest.mark.parametrize("value", [7e4, -1e6, np.inf, np.nan])
def test_weights_beyond_float16_are_refused(value, tmp_path):
    bad = network()
    kernel = bad.get_layer("head").kernel
    kernel.assign(np.full(kernel.shape, value))
    with pytest.raises(InvalidInput, match="finite weights, at most 65504.*'head/kernel'"):
        save_preset(bad, tmp_path / "tiny", CARD)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replaced(preset):
    before = (preset / "weights.npz").read_bytes()
    with pytest.raises(InvalidInput, match="`folder` must not exist"):
        save_preset(network(2), preset, CARD)
    assert (preset / "weights.npz").read_bytes() == before


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(preset_files, "_check", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_preset(network(), tmp_path / "tiny", CARD)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "a/b"}, r"'name' must be letters.*'a/b'"),
        ({"description": "two\nlines"}, "'description' must be one line"),
        ({"licences": "MIT"}, "'licences' must be a list"),
        ({"gains_db": {"GOPRO": "much"}}, "'gains_db' must be an object: dB"),
        ({"gains_db": {"GOPRO": float("nan")}}, "'gains_db' must be an object: dB"),
        ({"seconds_per_megapixel": {"x": 0}}, "'seconds_per_megapixel' must be"),
        ({"gain": {}}, r"unknown keys \['gain'\]; valid ones are \['name'"),
        ({"sha256": {}}, r"unknown keys \['sha256'\]"),
    ],
)
def test_cards_that_are_none(change, says, tmp_path):
    with pytest.raises(InvalidInput, match=says):
        save_preset(network(), tmp_path / "tiny", CARD | change)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidInput, match=r"\['licences'\] are missing"):
        save_preset(network(), tmp_path / "x", {"name": "x", "description": "y"})


def test_networks_that_code_cannot_build_anew(tmp_path):
    image = keras.Input((None, None, 3))
    plain = keras.Model(image, keras.layers.Conv2D(3, 1)(image))
    with pytest.raises(InvalidInput, match="registered with Keras.*Received: Functional"):
        save_preset(plain, tmp_path / "tiny", CARD)

    @keras.saving.register_keras_serializable("tests")
    class Nameless(keras.Model):
        def __init__(self, **kwargs):
            image = keras.Input((None, None, 3))
            super().__init__(image, keras.layers.Conv2D(3, 1)(image), **kwargs)

        def get_config(self):
            return {"name": self.name}

    with pytest.raises(InvalidInput, match="all its layers must have names.*: weights.npz lacks"):
        save_preset(Nameless(), tmp_path / "tiny", CARD)
    assert list(tmp_path.iterdir()) == []


def cut(folder):
    data = (folder / "weights.npz").read_bytes()
    (folder / "weights.npz").write_bytes(data[: len(data) // 2])


def flip(folder):
    data = bytearray((folder / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "weights.npz").write_bytes(data)


def swap(folder):
    other = save_preset(network(2), folder.parent / "other", CARD)
    shutil.copy(other / "weights.npz", folder)


def other_configuration(folder):
    text = (folder / "network.json").read_text()
    (folder / "network.json").write_text(text.replace("0.1", "0.2"))


@pytest.mark.parametrize("spoil", [cut, flip, swap, other_configuration])
def test_files_that_are_not_the_cards(spoil, preset, monkeypatch):
    spoil(preset)
    monkeypatch.setattr(preset_files, "_build", None)  # nothing is built before that is known
    name = "network.json" if spoil is other_configuration else "weights.npz"
    with pytest.raises(DataError, match=f"tiny/{name} is not the file that card.json"):
        load_preset(preset)


@pytest.mark.parametrize("name", ["card.json", "network.json", "weights.npz"])
def test_missing_files_are_named(name, preset):
    (preset / name).unlink()
    with pytest.raises(DataError, match=f"tiny/{name} cannot be read: No such file.*copy all"):
        load_preset(preset)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"format": 2}, "is of format 2, and this tfdeblur reads format 1: install a newer"),
        ({"format": 0}, "is of format 0.*make the preset again"),
        ({"format": None}, "is of format None.*make the preset again"),
        ({"sha256": {}}, "'sha256' must be an object"),
        ({"licences": 3}, "'licences' must be a list"),
        ({"more": 3}, r"unknown keys \['more'\]"),
    ],
)
def test_cards_of_other_formats_and_damaged_ones(values, says, preset):
    change_card(preset, **values)
    with pytest.raises(DataError, match="card.json.*" + says):
        load_preset(preset)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"3", b" " * (2**20 + 1)])
@pytest.mark.parametrize("name", ["card.json", "network.json"])
def test_json_that_is_none(name, data, preset):
    (preset / name).write_bytes(data)
    if name != "card.json":
        if len(data) <= 2**20:
            rehash(preset)
    with pytest.raises(DataError, match=name):
        load_preset(preset)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"registered_name": "tfdeblur>Better"}, "which this tfdeblur has not"),
        ({"registered_name": "os>system"}, "which this tfdeblur has not"),
        ({"registered_name": 3}, "which this tfdeblur has not"),
        ({"config": []}, "must hold `registered_name` and `config`"),
        ({"config": {"width": -1}}, "cannot be built of its configuration"),
        ({"config": {"norm": "best"}}, "cannot be built of its configuration"),
    ],
)
def test_networks_that_are_unknown(values, says, preset):
    path = preset / "network.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    rehash(preset)
    with pytest.raises(DataError, match="network.json.*" + says):
        load_preset(preset)


def lacking(found):
    found.pop("head/bias")


def surplus(found):
    found["tail/bias"] = found["head/bias"]


def other_shape(found):
    found["head/bias"] = np.zeros(4, "float16")


def turned(found):
    found["head/kernel"] = np.asfortranarray(np.moveaxis(found["head/kernel"], 2, 3)).copy("F")


def single(found):
    found["head/bias"] = found["head/bias"].astype("float32")


def not_finite(found):
    found["head/bias"] = np.array([0, np.nan, 0], "float16")


BAD_ARRAYS = [
    (lacking, "lacks weights that the network has, 1 in all, such as 'head/bias'"),
    (surplus, "holds weights that the network has not, 1 in all, such as 'tail/bias'"),
    (other_shape, r"'head/bias' must be of shape \(3,\). Received: \(4,\)"),
    (turned, "'head/kernel' must be float16, by rows"),
    (single, "'head/bias' must be float16, by rows. Received: float32"),
    (not_finite, "'head/bias' holds NaN or infinite values"),
]


@pytest.mark.parametrize(("spoil", "says"), BAD_ARRAYS)
def test_arrays_that_are_not_the_networks(spoil, says, preset):
    found = arrays(preset)
    spoil(found)
    replace_arrays(preset, found)
    with pytest.raises(DataError, match="weights.npz.*" + says):
        load_preset(preset)


def test_pickles_are_not_opened(preset):
    found = arrays(preset)
    found["head/bias"] = np.array([print], dtype=object)
    replace_arrays(preset, found)
    with pytest.raises(DataError, match="'head/bias' must be float16, by rows. Received: object"):
        load_preset(preset)


def test_weights_of_another_network_are_named(preset, tmp_path):
    other = save_preset(network(width=0.2), tmp_path / "wide", CARD)
    shutil.copy(other / "weights.npz", preset)
    rehash(preset)
    with pytest.raises(DataError, match="must be of shape.*belongs to another network"):
        load_preset(preset)


def rewrite(folder, change):
    """Writes the .npz anew, entry by entry, as `change(name, data)` gives (name, data)s."""
    with zipfile.ZipFile(folder / "weights.npz") as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(folder / "weights.npz", "w") as archive:
        for name, data in entries.items():
            for new in change(name, data):
                archive.writestr(*new)
    rehash(folder)


def npy(shape, data=b""):
    header = io.BytesIO()
    fields = {"descr": "<f2", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue() + data


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([npy((10**12,))], r"must be of shape \(3,\). Received: \(1000000000000,\)"),
        ([npy((3,), b"abc")], "'head/bias' is not as long as its header says"),
        ([npy((3,), b"0" * 10**7)], "'head/bias' is not as long as its header says"),
        ([npy((3,), b"abcdef")] * 2, "holds an array twice"),
        ([b""], "is damaged"),
        ([b"no array"], "is damaged"),
        ([npy((3,), b"abcdef").replace(b"<f2", b"(((")], "is damaged"),
        ([npy((3,), b"abcdef").replace(b"NUMPY\x01", b"NUMPY\x02")], "of .npy version"),
    ],
)
def test_headers_that_lie_take_no_memory(entries, says, preset):
    def change(name, data):
        return [(name, new) for new in (entries if name == "head/bias.npy" else [data])]

    rewrite(preset, change)
    load_preset_fails = pytest.raises(DataError, match="weights.npz.*" + says)
    tracemalloc.start()
    try:
        with load_preset_fails:
            load_preset(preset)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8e6


def test_damage_behind_the_hash_is_found(preset):
    """A zip has a sum for each entry: as good as the hash where a card was written for it."""
    with zipfile.ZipFile(preset / "weights.npz") as archive:
        largest = max(archive.infolist(), key=lambda info: info.compress_size)
    data = bytearray((preset / "weights.npz").read_bytes())
    place = largest.header_offset + largest.compress_size
    data[place] ^= 0xFF
    (preset / "weights.npz").write_bytes(data)
    rehash(preset)
    with pytest.raises(DataError, match="weights.npz is damaged"):
        load_preset(preset)
