import cv2
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tests.tfds_builders.helpers import assert_nothing_left, build, encoded_examples
from tests.tfds_builders.makers import drawing, encoded, write, write_gopro, write_pairs
from tfdeblur.data import FolderSource, TfdsSource, find_pairs
from tfdeblur.errors import DataError
from tfds_builders import ImagePairsConfig


def test_plain_png_is_stored_as_it_is(tmp_path):
    folder = write_pairs(tmp_path / "pairs")
    builder = build("image_pairs", tmp_path, folder)
    assert set(builder.info.splits) == {"train", "test"}
    for split, name in [("train", "a"), ("train", "b"), ("test", "c")]:
        example = encoded_examples(builder, split)[name]
        assert example["blur"] == (folder / split / "blur" / f"{name}.png").read_bytes()
        assert example["sharp"].startswith(b"\x89PNG")  # a JPEG: two decoders, two pictures
    assert sorted(TfdsSource("image_pairs", "train", tmp_path).names) == ["a", "b"]


KINDS = {
    "png of 8 bits": ("png", 3, "u1"),
    "png of 16 bits": ("png", 3, "u2"),
    "png with alpha": ("png", 4, "u1"),
    "png of 16 bits with alpha": ("png", 4, "u2"),
    "gray png": ("png", 1, "u1"),
    "gray png of 16 bits": ("png", 1, "u2"),
    "palette": ("palette", 3, "u1"),
    "jpeg": ("jpg", 3, "u1"),
    "gray jpeg": ("jpg", 1, "u1"),
    "tiff of 16 bits": ("tif", 3, "u2"),
}


def save_kind(path, kind, seed):
    ending, channels, dtype = KINDS[kind]
    pixels = drawing(24, 32, seed=seed)
    pixels = np.dstack([pixels, 255 - pixels[..., :1]])[..., :channels].astype(dtype)
    pixels = pixels * 257 if dtype == "u2" else pixels
    if ending == "palette":
        Image.fromarray(pixels).quantize(16).save(path.with_suffix(".png"))
    else:
        order = [0] if channels == 1 else [2, 1, 0, 3][:channels]
        cv2.imwrite(str(path.with_suffix(f".{ending}")), pixels[..., order])


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_of_tfds_read_the_same(kind, tmp_path):
    """`tfds.load` decodes with TensorFlow, `as_data_source` with OpenCV as the file is."""
    for role in ("blur", "sharp"):
        (tmp_path / "p" / role).mkdir(parents=True)
        save_kind(tmp_path / "p" / role / "1", kind, seed=len(role))
    (loaded,) = build("image_pairs", tmp_path / "a", tmp_path / "p").as_dataset(split="train")
    builder = build("image_pairs", tmp_path / "b", tmp_path / "p", file_format="array_record")
    (sourced,) = builder.as_data_source(split="train")
    expected = FolderSource(find_pairs(tmp_path / "p")).load(0)
    for role, pixels in zip(("blur", "sharp"), expected, strict=True):
        np.testing.assert_array_equal(loaded[role], pixels)
        np.testing.assert_array_equal(sourced[role], pixels)
        assert pixels.std() > 5


def test_patterns_and_a_list(tmp_path):
    write(tmp_path / "p/1.in.png", drawing(seed=1))
    write(tmp_path / "p/1.out.png", drawing(seed=2))
    config = ImagePairsConfig(name="own", path=str(tmp_path / "p"), pairs=("*.in.png", "*.out.png"))
    build("image_pairs", tmp_path / "a", config=config)
    (tmp_path / "p/list.csv").write_text("blur,sharp,split\n1.in.png,1.out.png,test\n")
    build("image_pairs", tmp_path / "b", tmp_path / "p/list.csv")
    for name, split in (("a", "train"), ("b", "test")):
        config_name = "own" if name == "a" else "manual"
        pairs = tfds.load(f"image_pairs/{config_name}", split=split, data_dir=tmp_path / name)
        (example,) = pairs.as_numpy_iterator()
        np.testing.assert_array_equal(example["blur"], drawing(seed=1))
        np.testing.assert_array_equal(example["sharp"], drawing(seed=2))


def test_a_folder_by_its_path_and_found_again_by_its_name(tmp_path):
    write(tmp_path / "street/input/1.png", drawing(seed=1))
    write(tmp_path / "street/target/1.png", drawing(seed=2))
    config = ImagePairsConfig(name="street", path=str(tmp_path / "street"))
    build("image_pairs", tmp_path / "data", config=config)
    (example,) = tfds.load("image_pairs/street", split="train", data_dir=tmp_path / "data")
    np.testing.assert_array_equal(example["blur"], drawing(seed=1))
    np.testing.assert_array_equal(example["sharp"], drawing(seed=2))


def test_which_blur_can_be_chosen(tmp_path):
    folder = write_gopro(tmp_path / "gopro")
    config = ImagePairsConfig(name="gamma", path=str(folder), blur_folder="blur_gamma")
    examples = encoded_examples(build("image_pairs", tmp_path, config=config), "test")
    assert examples["GOPR0384_11_00-000001"]["blur"] == encoded(drawing(seed=21))


def test_what_tensorflow_cannot_read_or_would_turn_is_decoded_first(tmp_path):
    pixels = drawing(seed=3)
    write(tmp_path / "p/blur/1.tif", pixels)
    # Stored on its side, with the EXIF mark "turn right": upright it is `pixels`.
    on_its_side = np.ascontiguousarray(pixels.transpose(1, 0, 2)[::-1])
    done, data = cv2.imencodeWithMetadata(
        ".png",
        on_its_side[..., ::-1],
        [cv2.IMAGE_METADATA_EXIF],
        [np.frombuffer(EXIF_TURN_RIGHT, np.uint8)],
    )
    assert done
    (tmp_path / "p/sharp").mkdir()
    (tmp_path / "p/sharp/1.png").write_bytes(data.tobytes())
    builder = build("image_pairs", tmp_path / "data", tmp_path / "p")
    (example,) = builder.as_dataset(split="train").as_numpy_iterator()
    np.testing.assert_array_equal(example["blur"], pixels)
    np.testing.assert_array_equal(example["sharp"], pixels)


# Little-endian TIFF header and one entry: tag 274 (orientation), one short, 6.
EXIF_TURN_RIGHT = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"


def no_partner(folder):
    (folder / "train/sharp/a.jpg").unlink()


def cut_off(folder):
    path = folder / "test/blur/c.png"
    path.write_bytes(path.read_bytes()[:60])


def another_size(folder):
    write(folder / "train/blur/b.png", drawing(10, 10))


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (no_partner, r"1 problem:\n.*a\.png has no sharp partner"),
        (cut_off, r"1 problem:\n.*c\.png is cut off"),
        (another_size, r"1 problem:\n.*b: blurred is 10 x 10 pixels, sharp is 24 x 16"),
    ],
)
def test_a_damaged_folder_leaves_nothing_and_can_be_repaired(damage, text, tmp_path):
    folder = write_pairs(tmp_path / "pairs")
    damage(folder)
    with pytest.raises(DataError, match=text):
        build("image_pairs", tmp_path / "data", folder)
    assert_nothing_left(tmp_path / "data")
    write_pairs(folder)
    assert build("image_pairs", tmp_path / "data", folder).info.splits["train"].num_examples == 2


def test_without_a_folder_it_says_what_to_give(tmp_path):
    with pytest.raises(DataError, match=r"give `manual_dir`.* or an ImagePairsConfig"):
        build("image_pairs", tmp_path)
