"""What reads files from outside, with good files to begin from."""

import io
import json
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np

from tests.convert.makers import packed
from tests.fuzz.run import Target


def all_targets() -> list[Target]:
    """Targets that need no service."""
    return [*_images(), *_more_images(), *_lists(), *_flows(), *_models(), *_runs()]


# --- pictures ---------------------------------------------------------------------------------


def _images() -> list[Target]:
    return [
        Target("png", _encoded(".png"), _decode),
        Target("png_with_right_checksums", _encoded(".png"), _decode, _with_checksums),
        Target("jpeg", [*_encoded(".jpg"), *_jpegs_with_exif()], _decode),
        Target("webp", _encoded(".webp"), _decode),
        Target("bmp", _encoded(".bmp"), _decode),
        Target("tiff", _encoded(".tiff"), _decode),
    ]


def _decode(data: bytes, folder: Path) -> None:
    from tfdeblur.image.codec import decode_image

    decode_image(data, "picture", with_metadata=True)


def _pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, 256, (13, 17, 3), "uint8"),
        rng.integers(0, 256, (8, 5), "uint8"),
        rng.integers(0, 256, (9, 7, 4), "uint8"),
        rng.integers(0, 65536, (6, 11, 3), "uint16"),
    ]


def _encoded(ending: str) -> list[bytes]:
    sixteen = ending in (".png", ".tiff")
    return [
        cv2.imencode(ending, image)[1].tobytes()
        for image in _pictures()
        if (image.dtype == "uint8" or sixteen) and (image.shape[2:] != (4,) or ending != ".jpg")
    ]


def _jpegs_with_exif() -> list[bytes]:
    from PIL import Image

    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    Image.fromarray(_pictures()[0]).save(file, "JPEG", exif=exif, dpi=(300, 300))
    return [file.getvalue()]


def _more_images() -> list[Target]:
    from PIL import features

    found = [Target("tiff_kinds", _tiffs(), _decode)]
    if features.check("avif"):
        found.append(Target("avif", [_by_pillow("AVIF")], _decode))
    try:
        import pillow_heif
    except ImportError:
        return found
    pillow_heif.register_heif_opener()
    return [*found, Target("heic", [_by_pillow("HEIF")], _decode)]


def _by_pillow(kind: str) -> bytes:
    from PIL import Image

    file, exif = io.BytesIO(), Image.Exif()
    exif[0x010F] = "camera"
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")
    Image.fromarray(image).save(file, kind, exif=exif)
    return file.getvalue()


def _tiffs() -> list[bytes]:
    """By packing, in tiles, planes apart, as BigTIFF, with predictor and with a profile."""
    import tifffile

    image = np.random.default_rng(0).integers(0, 256, (40, 33, 3), "uint8")
    found = []
    for settings in (
        {"compression": "lzw", "predictor": True, "photometric": "rgb"},
        {"compression": "zlib", "tile": (16, 16), "photometric": "rgb"},
        {"compression": "packbits", "photometric": "rgb", "iccprofile": bytes(200)},
        {"compression": "zstd", "photometric": "rgb"},
        {"compression": "jpeg", "photometric": "rgb"},
        {"bigtiff": True, "photometric": "rgb", "rowsperstrip": 3},
    ):
        file = io.BytesIO()
        tifffile.imwrite(file, image, **settings)
        found.append(file.getvalue())
    return found


def _lists() -> list[Target]:
    text = b"name,blur,sharp,split\none,b/1.png,s/1.png,train\ntwo,b/2.png,s/2.png,test\n"
    return [Target("pairs_csv", [text], _read_pairs)]


def _read_pairs(data: bytes, folder: Path) -> None:
    from tfdeblur.data.pair_lists import search_list
    from tfdeblur.data.pair_search import Search

    (folder / "pairs.csv").write_bytes(data)
    search_list(folder / "pairs.csv", None, Search(None))


def _with_checksums(data: bytes) -> bytes:
    """A PNG's chunks with the sums that fit them, as far as there are chunks."""
    out, position = bytearray(data[:8]), 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        body = data[position + 4 : position + 8 + length]
        out += data[position : position + 4] + body + struct.pack(">I", zlib.crc32(body))
        position += 12 + length
    return bytes(out + data[position:])


# --- motion flows -----------------------------------------------------------------------------


def _flows() -> list[Target]:
    from tfdeblur.image.flow_files import encode_flow

    flow = np.random.default_rng(0).normal(0, 5, (7, 9, 2)).astype("float32")
    inner = io.BytesIO()
    np.save(inner, flow)
    return [
        Target("npz", [encode_flow(flow, "npz")], _read_named("flow.npz")),
        Target("npy_in_npz", [inner.getvalue()], _read_named("flow.npz"), _in_a_zip),
        Target("flo", [encode_flow(flow, "flo")], _read_named("flow.flo")),
    ]


def _read_named(name: str):
    def read(data: bytes, folder: Path) -> None:
        from tfdeblur.image.flow_files import read_flow

        (folder / name).write_bytes(data)
        read_flow(folder / name)

    return read


def _in_a_zip(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("flow.npy", data)
    return file.getvalue()


# --- models and packages ----------------------------------------------------------------------


def _models() -> list[Target]:
    with tempfile.TemporaryDirectory() as folder:
        archive = packed(Path(folder)).read_bytes()
    return [
        Target("package", [archive], _open_package),
        Target("tar_in_a_package", [zlib.decompress(archive, 47)], _open_package, _gzipped),
        Target("weights", [_weights()], _read_weights),
    ]


def _open_package(data: bytes, folder: Path) -> None:
    from tfdeblur.convert.package import open_package

    (folder / "package.tgz").write_bytes(data)
    with open_package(folder / "package.tgz") as package:
        for name in package.names():
            package.read(name, 10**6)


def _gzipped(data: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(data) + packer.flush()


_SHAPES = {"layer/kernel": (3, 3, 2, 4), "layer/bias": (4,)}


def _weights() -> bytes:
    from tfdeblur.models.weights_file import write_weights

    file = io.BytesIO()
    rng = np.random.default_rng(0)
    write_weights(file, {name: rng.normal(size=s).astype("f2") for name, s in _SHAPES.items()})
    return file.getvalue()


def _read_weights(data: bytes, folder: Path) -> None:
    from tfdeblur.models.weights_file import read_weights

    dict(read_weights(io.BytesIO(data), "weights.npz", _SHAPES))


# --- run folders ------------------------------------------------------------------------------


def _runs() -> list[Target]:
    record = {"tfdeblur": "0.1", "state": "running", "config": {"run": {"epochs": 3}}}
    position = {"epoch": 3, "step": 17}
    return [
        Target("run_record", [json.dumps(record).encode()], _read_record),
        Target("position", [json.dumps(position).encode()], _read_position),
    ]


def _read_record(data: bytes, folder: Path) -> None:
    from tfdeblur.record import read_record

    (folder / "run.json").write_bytes(data)
    read_record(folder)


def _read_position(data: bytes, folder: Path) -> None:
    from tfdeblur.training.backup import newest_position

    (folder / "step-000000001a").mkdir(exist_ok=True)
    (folder / "step-000000001a" / "position.json").write_bytes(data)
    newest_position(folder)
