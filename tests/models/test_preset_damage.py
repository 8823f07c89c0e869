"""Presets as files: what is not as it was written is refused."""

import io
import json
import shutil
import tracemalloc
import zipfile

import numpy as np
import pytest

from tests.models.makers import (
    CARD,
    arrays,
    change_card,
    network,
    planes,
    rehash,
    replace_arrays,
)
from tfdeblur.errors import DataError
from tfdeblur.models import preset_files
from tfdeblur.models.preset_files import load_preset, save_preset


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
        ({"format": 3}, "is of format 3, and this tfdeblur reads formats 1 to 2: install a newer"),
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
    (turned, "'head/kernel' must be float16 or its planes, by rows"),
    (single, "'head/bias' must be float16 or its planes, by rows. Received: float32"),
    (not_finite, "'head/bias' holds NaN or infinite values"),
]


@pytest.mark.parametrize(("spoil", "says"), BAD_ARRAYS)
def test_arrays_that_are_not_the_networks(spoil, says, preset):
    found = arrays(preset)
    spoil(found)
    replace_arrays(preset, found)
    with pytest.raises(DataError, match="weights.npz.*" + says):
        load_preset(preset)


BAD_PLANES = [
    (lambda bias: bias[0], r"must be of shape \(3,\). Received: \(3,\), the first axis of which"),
    (lambda bias: bias.T, r"must be of shape \(3,\). Received: \(3, 2\), the first axis of which"),
    (lambda bias: bias | np.uint8(0xFC), "holds NaN or infinite values"),
]


@pytest.mark.parametrize(("spoil", "says"), BAD_PLANES)
def test_planes_that_are_not_the_networks(spoil, says, preset):
    found = planes(preset)
    found["head/bias"] = np.ascontiguousarray(spoil(found["head/bias"]))
    replace_arrays(preset, found)
    with pytest.raises(DataError, match="weights.npz.*'head/bias' " + says):
        load_preset(preset)


def test_pickles_are_not_opened(preset):
    found = arrays(preset)
    found["head/bias"] = np.array([print], dtype=object)
    replace_arrays(preset, found)
    with pytest.raises(
        DataError, match="'head/bias' must be float16 or its planes, by rows. Received: object"
    ):
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
