import cv2
import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.tfds_builders.helpers import assert_nothing_left, build, encoded_examples
from tests.tfds_builders.makers import drawing, encoded, write, write_gopro, write_pairs
from tfdeblur.data import TfdsSource
from tfdeblur.errors import DataError
from tfds_builders import ImagePairsConfig


def test_files_are_stored_as_they_are(tmp_path):
    folder = write_pairs(tmp_path / "pairs")
    builder = build("image_pairs", tmp_path, folder)
    assert set(builder.info.splits) == {"train", "test"}
    for split, name in [("train", "a"), ("train", "b"), ("test", "c")]:
        example = encoded_examples(builder, split)[name]
        assert example["blur"] == (folder / split / "blur" / f"{name}.png").read_bytes()
        assert example["sharp"] == (folder / split / "sharp" / f"{name}.jpg").read_bytes()
    assert sorted(TfdsSource("image_pairs", "train", tmp_path).names) == ["a", "b"]


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
