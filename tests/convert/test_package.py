"""Reading packages, packed and unpacked. What is refused: `tests/cli/test_convert.py`."""

import gzip
import hashlib
import os
import tarfile

import pytest

from tests.convert.makers import LICENCE, member, pack, packed, write
from tfdeblur.convert.members import check_name
from tfdeblur.convert.package import open_package
from tfdeblur.errors import DataError, InvalidInput


@pytest.fixture(params=["archive", "folder", "models", "flat", "flat archive"])
def source(request, tmp_path):
    """The same package in every form."""
    folder = write(tmp_path / "package")
    if request.param.startswith("flat"):
        for file in (folder / "models").iterdir():
            file.rename(folder / file.name)
        (folder / "models").rmdir()
    if request.param.endswith("archive"):
        return pack(folder, tmp_path / "package.tgz")
    return folder / "models" if request.param == "models" else folder


def test_files_have_the_same_names_in_every_form(source):
    with open_package(source) as package:
        assert {"LICENSE", "package.json"} <= set(package.names())
        assert package.read("LICENSE", 1000) == LICENCE
        assert package.read("models/model.json", 10**5).startswith(b'{"format": "graph-model"')
        assert package.size("models/group1-shard2of3.bin") > 0
        assert package.size("models/none") is None
        with pytest.raises(DataError, match="holds no models/none. Fetch it again"):
            package.read("models/none", 10)
        with pytest.raises(DataError, match=r"LICENSE is refused, it has \d+ bytes \(most: 5\)"):
            package.read("LICENSE", 5)
        for name in ("../x", "/etc/passwd", ""):
            with pytest.raises(DataError, match="is refused"):
                package.size(name)


def test_files_of_an_archive_in_any_order(tmp_path):
    path = packed(tmp_path, [member("package/last", data=b"last")])
    with open_package(path) as package:
        first = package.read("models/group1-shard1of3.bin", 10**6)
        assert package.read("last", 4) == b"last"
        assert package.read("models/group1-shard1of3.bin", 10**6) == first
        assert package.archive_digest() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_links_inside_of_a_folder_are_followed(tmp_path):
    folder = write(tmp_path / "package")
    (folder / "models" / "model.json").rename(folder / "other.json")
    (folder / "models" / "model.json").symlink_to("../other.json")
    with open_package(folder) as package:
        assert package.read("models/model.json", 10**5) == (folder / "other.json").read_bytes()
        assert package.archive_digest() is None


def test_folders_in_an_archive_are_no_files(tmp_path):
    path = packed(tmp_path, [member("package/models", tarfile.DIRTYPE)])
    with open_package(path) as package:
        assert package.size("models") is None


def test_an_archive_that_is_cut_after_it_was_opened(tmp_path):
    path = pack(write(tmp_path / "package"), tmp_path / "package.tgz")
    with open_package(path) as package:
        os.truncate(path, 200)
        with pytest.raises(DataError, match=r"package.tgz is (damaged or )?cut"):
            package.read("models/model.json", 10**6)


def test_no_such_source(tmp_path):
    with pytest.raises(InvalidInput, match="Received: source='.*none'"):
        open_package(tmp_path / "none")


@pytest.mark.parametrize("name", ["a", "a/b.bin", "./a", "a..b", "..a"])
def test_names_inside(name):
    assert check_name(name, "x") == name.removeprefix("./")


def test_no_wrong_byte_goes_unseen(tmp_path):
    path = packed(tmp_path)
    whole = path.read_bytes()
    same = 0
    beginning = whole.index(b"\0", 10) + 1  # after gzip's own header, whose date nothing depends on
    for place in range(beginning, len(whole), max(1, len(whole) // 150)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            open_package(path).close()
        except DataError as error:
            assert "package.tgz" in str(error)
        else:  # within zeros another distance may be copied from, and the same comes out
            assert gzip.decompress(path.read_bytes()) == gzip.decompress(whole)
            same += 1
    assert same <= 2
