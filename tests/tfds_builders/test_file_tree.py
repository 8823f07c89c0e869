import pickle
import zipfile

import pytest

from tests.tfds_builders.makers import zipped
from tfdeblur.errors import DataError
from tfds_builders.file_tree import FileTree

FILES = {"a/1.txt": b"one", "a/b/2.txt": b"two", "3.txt": b"three"}
HIDDEN = (".DS_Store", "a/._1.txt", "__MACOSX/a/1.txt")


@pytest.fixture(params=["folder", "archive"])
def tree(request, tmp_path):
    for name in (*FILES, *HIDDEN):
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES.get(name, b"hidden"))
    folder = tmp_path / "files"
    return FileTree(folder if request.param == "folder" else zipped(folder, tmp_path / "f.zip"))


def test_visible_files_by_their_relative_path(tree):
    assert tree.names == sorted(FILES)
    assert {name: tree.read(name) for name in tree.names} == FILES
    assert tree.where("3.txt") == f"{tree.path}/3.txt"


def test_a_pickled_tree_reads_on(tree):
    assert tree.read("3.txt") == b"three"
    assert pickle.loads(pickle.dumps(tree)).read("a/b/2.txt") == b"two"


def test_a_file_that_vanishes_is_named(tmp_path):
    (tmp_path / "1.txt").write_bytes(b"one")
    tree = FileTree(tmp_path)
    assert tree.names == ["1.txt"]
    (tmp_path / "1.txt").unlink()
    with pytest.raises(DataError, match=r"1\.txt cannot be read"):
        tree.read("1.txt")


def test_a_link_in_a_circle_ends(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_bytes(b"one")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    names = FileTree(tmp_path).names
    assert "a/1.txt" in names and len(names) < 10


def test_what_is_not_there_or_no_archive(tmp_path):
    with pytest.raises(DataError, match="There is no folder or archive"):
        FileTree(tmp_path / "typo")
    (tmp_path / "page.zip").write_text("<html>file not found</html>")
    with pytest.raises(DataError, match=r"page\.zip is no zip archive, or it is cut off"):
        _ = FileTree(tmp_path / "page.zip").names
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    assert FileTree(tmp_path / "empty.zip").names == []
