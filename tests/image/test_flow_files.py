import io
import struct
import warnings
import zipfile

import numpy as np
import pytest

from tests.helpers import noise
from tfdeblur import limits
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.image.flow_files import FORMATS, encode_flow, read_flow, write_flow


@pytest.mark.parametrize("format", FORMATS)
def test_round_trip(tmp_path, format):
    flow = 20 * noise(5, 7, 2)
    path = tmp_path / f"field.{format.upper()}"
    write_flow(path, flow)
    again = read_flow(path)
    np.testing.assert_array_equal(again, flow)
    assert again.dtype == np.float32 and again.dtype.isnative and again.flags.writeable
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_flo_by_hand():
    flow = np.array([[[1, -2], [3, 0.5], [0, 0]]])  # one row of three pixels
    expected = b"PIEH" + struct.pack("<2i6f", 3, 1, 1, -2, 3, 0.5, 0, 0)
    assert encode_flow(flow, "flo") == expected


def test_npz_is_numpys(tmp_path):
    flow = noise(4, 3, 2)
    with np.load(io.BytesIO(encode_flow(flow, "npz")), allow_pickle=False) as arrays:
        assert arrays.files == ["flow"]
        np.testing.assert_array_equal(arrays["flow"], flow)
    np.savez(tmp_path / "a.npz", flow=flow.astype(">f8"), other=np.arange(3))
    np.testing.assert_array_equal(read_flow(tmp_path / "a.npz"), flow)


@pytest.mark.parametrize("format", FORMATS)
def test_equal_flows_give_equal_bytes(format):
    flow = noise(6, 5, 2)
    strided = np.ascontiguousarray(flow.transpose(1, 0, 2)).transpose(1, 0, 2).astype(float)
    assert encode_flow(flow, format) == encode_flow(strided, format)


def test_files_carry_no_date(monkeypatch):
    first = encode_flow(noise(2, 2, 2), "npz")
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    assert encode_flow(noise(2, 2, 2), "npz") == first


GOOD_FLO = encode_flow(np.ones((2, 3, 2)), "flo")


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npz_of_header(shape, entries=1):
    """An archive whose array is its header alone."""
    array, file = io.BytesIO(), io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(array, header)
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")  # of the name that is there twice
        for _ in range(entries):
            archive.writestr("flow.npy", array.getvalue())
    return file.getvalue()


BAD_FILES = {
    "magic.flo": (b"PIEX" + GOOD_FLO[4:], "no Middlebury .flo file.*Received: b'PIEX'"),
    "empty.flo": (b"", "no Middlebury .flo file"),
    "header.flo": (GOOD_FLO[:9], "header gives no size"),
    "size.flo": (GOOD_FLO[:4] + struct.pack("<2i", -3, -2) + GOOD_FLO[12:], "no size"),
    "cut.flo": (GOOD_FLO[:-1], "cut off: 3 x 2 pixels need 60 bytes. Received: 59"),
    "long.flo": (GOOD_FLO + b"x", "damaged: 3 x 2 .* Received: 61"),
    "nan.flo": (GOOD_FLO[:-4] + struct.pack("<f", float("nan")), "1 pixels with NaN"),
    "unknown.flo": (GOOD_FLO[:-8] + struct.pack("<2f", 1e10, 1e10), "marks unknown"),
    "empty.npz": (b"", "damaged, or no .npz"),
    "cut.npz": (npz(flow=np.ones((9, 9, 2)))[:-40], "damaged, or no .npz"),
    "text.npz": (b"1 2 3 4", "damaged, or no .npz"),
    "other.npz": (npz(fields=np.ones((2, 3, 2))), 'array "flow". Received: fields'),
    "shape.npz": (npz(flow=np.ones((2, 3))), "flow .height, width, 2.. Received: .2, 3."),
    "pixels.npz": (npz(flow=np.ones((0, 3, 2))), "Received: .0, 3, 2."),
    "complex.npz": (npz(flow=np.ones((2, 3, 2), complex)), "numbers. Received: dtype=complex"),
    "inf.npz": (npz(flow=np.full((2, 3, 2), np.inf)), "6 pixels"),
    "objects.npz": (npz(flow=np.array([[[{}, {}]]])), "numbers. Received: dtype=object"),
    "huge.npz": (npz_of_header((2**15, 2**14, 2)), "16384x32768 pixels; at most 268435456"),
    "longer.npz": (npz_of_header((2, 3, 2)), "damaged, or no .npz"),
    "twice.npz": (npz_of_header((2, 3, 2), entries=2), 'one array "flow"'),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(tmp_path, name):
    data, text = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match=f"{name}.*{text}"):
        read_flow(path)


def test_a_damaged_npz_is_found_by_its_checksum(tmp_path):
    data = bytearray(npz(flow=noise(9, 9, 2)))
    data[200] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InvalidInput, match="damaged"):
        read_flow(tmp_path / "a.npz")


@pytest.mark.parametrize("kind", ["f2", "<f4", ">f4", "f8", "g", "i1", "u1", "i2", "u8", "i8"])
def test_any_numbers_are_taken(tmp_path, kind):
    flow = np.array([[[0, 1], [100, 2]]], kind)
    if np.dtype(kind).kind != "u":
        flow[0, 0, 0] = np.iinfo(kind).min if kind == "i1" else -7.5
    np.savez(tmp_path / "a.npz", flow=flow)
    np.testing.assert_array_equal(read_flow(tmp_path / "a.npz"), flow.astype("f4"))


@pytest.mark.parametrize("worst", [np.float16("inf"), np.float64(1e39), np.int64(2**62)])
def test_numbers_beyond_float32_or_the_mark_are_refused_without_a_warning(tmp_path, worst):
    np.savez(tmp_path / "a.npz", flow=np.full((1, 2, 2), worst))
    with pytest.raises(InvalidInput, match="2 pixels with NaN or more"):
        read_flow(tmp_path / "a.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage_anywhere_is_told_in_our_words(tmp_path, save):
    save(tmp_path / "good.npz", flow=np.full((3, 2, 2), 0.5, "f4"))
    good = (tmp_path / "good.npz").read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(600):
        bad = bytearray(good)
        for place in rng.integers(0, len(bad), rng.integers(1, 4)):
            bad[place] = rng.integers(256)
        (tmp_path / "bad.npz").write_bytes(bad)
        try:
            assert read_flow(tmp_path / "bad.npz").shape[-1] == 2
        except InvalidInput:
            refused += 1
    assert refused > 300  # of the others most have damage where nothing is read


def test_a_single_array_is_no_npz(tmp_path):
    np.save(tmp_path / "a.npy", noise(3, 3, 2))
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(InvalidInput, match="no .npz"):
        read_flow(tmp_path / "a.npz")


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(DataError, match="a.flo cannot be read"):
        read_flow(tmp_path / "a.flo")
    with pytest.raises(DataError, match="cannot be written"):
        write_flow(tmp_path / "missing" / "a.npz", np.zeros((1, 1, 2)))
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(InvalidInput, match="is a folder"):
        read_flow(tmp_path / "folder.npz")


@pytest.mark.parametrize("name", ["flow.png", "flow", "flow.npy"])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(InvalidInput, match="must end in .npz or .flo"):
        read_flow(tmp_path / name)
    with pytest.raises(InvalidInput, match="must end in .npz or .flo"):
        write_flow(tmp_path / name, np.zeros((2, 2, 2)))


@pytest.mark.parametrize(
    "flow", [np.zeros((2, 2)), np.zeros((1, 2, 2, 2)), np.full((2, 2, 2), np.nan)]
)
def test_bad_flow(flow):
    for format in FORMATS:
        with pytest.raises(InvalidInput, match="`flow` must be"):
            encode_flow(flow, format)


def test_unknown_format():
    with pytest.raises(InvalidInput, match="`format`.*format='png'"):
        encode_flow(np.zeros((2, 2, 2)), "png")


def test_flows_may_be_as_large_as_photographs():
    assert limits.MOST_PIXELS_OF_A_FLOW == limits.MOST_PIXELS
