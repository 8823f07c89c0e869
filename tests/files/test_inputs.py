"""Which files an input means: order, folders, patterns, links."""

import os
from pathlib import Path

import pytest

from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.files import passed_over
from tfdeblur.files.inputs import find_inputs
from tfdeblur.files.passed_over import PassedOver, reason_to_pass_over, tell
from tfdeblur.text import printable

HEIC = (
    "HEIC files: to restore them, install the extra heif (pip install 'tfdeblur[heif]'), "
    "or convert them to PNG or JPEG"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = (
        "p/b.png p/a.JPG p/notes.txt p/.hidden.png p/c.part.mp4 p/sub/d.png p/sub/.x/e.png z.png"
    )
    for name in names.split():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"")
    return tmp_path


def pairs(sources):
    return [(str(source.path), str(source.relative)) for source in sources]


def test_folder_is_sorted_and_filtered(folder):
    assert pairs(find_inputs(["z.png", "p"])) == [
        ("z.png", "z.png"),
        ("p/a.JPG", "a.JPG"),
        ("p/b.png", "b.png"),
    ]


def test_subfolders_follow_and_keep_their_path(folder):
    found = find_inputs(["p"], recursive=True)
    assert pairs(found)[2:] == [("p/sub/d.png", "sub/d.png")]


def test_given_order_is_kept_and_each_file_comes_once(folder):
    found = find_inputs(["p/b.png", "p", "./p/b.png", "p/*.png"])
    assert [str(source.path) for source in found] == ["p/b.png", "p/a.JPG"]
    assert [source.named for source in found] == [True, False]


@pytest.fixture
def without_extras(monkeypatch):
    for room in (passed_over.camera_raw, passed_over.heif):
        monkeypatch.setattr(room, "is_available", lambda: False)
    monkeypatch.setattr(passed_over.heif, "avif_is_available", lambda: False)


def test_what_is_passed_over_is_listed_with_its_reason(folder, without_extras):
    for name in ("p/x.HEIC", "p/y.nef", "p/sub/z.wmv", "w.heif"):
        Path(name).write_bytes(b"")
    over = []
    find_inputs(["p", "*", "p/y.nef"], recursive=True, passed_over=over)
    found = {str(one.path): one.reason for one in over}
    assert found == {
        "p/notes.txt": "neither a picture nor a video by its name",
        "p/sub/z.wmv": "videos of the kind wmv are not read: convert them to MP4 or MKV",
        "p/x.HEIC": HEIC,
        "w.heif": HEIC,
    }  # y.nef was given by name, and hidden and unfinished files were not meant
    passed = []
    find_inputs(["p/y.nef"], passed_over=passed)
    assert passed == []


@pytest.mark.parametrize(
    ("room", "function", "names"),
    [
        ("camera_raw", "is_available", ["a.dng", "b.NEF", "c.cr3"]),
        ("heif", "is_available", ["a.heic", "b.HEIF", "c.hif"]),
        ("heif", "avif_is_available", ["a.avif"]),
    ],
)
def test_an_extra_library_opens_its_files(
    room, function, names, tmp_path, without_extras, monkeypatch
):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    passed = []
    (source,) = find_inputs([tmp_path], passed_over=passed)
    assert source.error is not None and len(passed) == len(names)
    monkeypatch.setattr(getattr(passed_over, room), function, lambda: True)
    passed = []
    found = find_inputs([tmp_path], passed_over=passed)
    assert [source.path.name for source in found] == names and passed == []


def test_few_names_of_each_reason_are_told():
    passed = [PassedOver(Path(f"p/{i}.dng"), reason_to_pass_over(f"{i}.dng")) for i in range(7)]
    passed.append(PassedOver(Path("p/a.md"), reason_to_pass_over("a.md")))
    assert tell(passed).splitlines() == [
        "Passed over 8 files:",
        "  raw files of cameras: to restore them, install the extra raw (pip install "
        "'tfdeblur[raw]'), or develop them first, to 16-bit TIFF: "
        "0.dng, 1.dng, 2.dng, 3.dng, 4.dng and 2 more (--json names all)",
        "  neither a picture nor a video by its name: a.md",
    ]
    assert tell([]) == ""


def test_a_named_file_is_tried_whatever_its_suffix(folder):
    (source,) = find_inputs(["p/notes.txt"])
    assert source.named and source.error is None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("p/*.png", ["b.png"]),
        ("p/[ab].*", ["a.JPG", "b.png"]),
        ("p/*", ["a.JPG", "b.png"]),
        ("**/*.png", ["z.png", "p/b.png", "p/sub/d.png"]),
        ("p/**", ["a.JPG", "b.png", "sub/d.png"]),
        ("*/sub/?.png", ["p/sub/d.png"]),
    ],
)
def test_patterns_that_no_shell_expanded(folder, pattern, expected):
    assert [str(source.relative) for source in find_inputs([pattern])] == expected
    absolute = find_inputs([str(folder / pattern)])
    assert [str(source.relative) for source in absolute] == expected


def test_recursive_pattern_enters_the_folders_it_matches(folder):
    assert pairs(find_inputs(["*"], recursive=True)) == [
        ("p/a.JPG", "p/a.JPG"),
        ("p/b.png", "p/b.png"),
        ("p/sub/d.png", "p/sub/d.png"),
        ("z.png", "z.png"),
    ]


def test_a_name_with_brackets_is_a_name(folder):
    Path("x[1].png").write_bytes(b"")
    Path("x1.png").write_bytes(b"")
    assert pairs(find_inputs(["x[1].png"])) == [("x[1].png", "x[1].png")]


def test_loops_of_links_end(folder):
    os.symlink("..", "p/sub/up")
    os.symlink(".", "p/self")
    found = find_inputs(["p"], recursive=True)
    assert [str(source.relative) for source in found] == ["a.JPG", "b.png", "sub/d.png"]
    found = find_inputs(["**/*.png"])
    assert [str(source.relative) for source in found][:3] == ["z.png", "p/b.png", "p/sub/d.png"]


def test_linked_folder_is_entered_and_broken_link_reported(folder):
    os.symlink(folder / "p", "album")
    os.symlink("nowhere", "p/gone.png")
    os.symlink("turn.png", "p/turn.png")
    found = find_inputs(["album"])
    assert [s.path.name for s in found] == ["a.JPG", "b.png", "gone.png", "turn.png"]


def test_results_of_an_earlier_run_are_left_out(folder):
    found = find_inputs(["p"], recursive=True, leave_out="p/sub")
    assert [s.path.name for s in found] == ["a.JPG", "b.png"]
    found = find_inputs(["p/sub"], recursive=True, leave_out="p/sub")
    assert [s.path.name for s in found] == ["d.png"]


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ("gone.png", DataError, "There is no such file or folder."),
        ("", DataError, "An input must be a file, a folder or a pattern. Received: input=''"),
        ("https://a.org/x.jpg?s=1", DataError, "https://a.org/x.jpg?s=1: this is a URL. Download"),
        ("q/*.png", DataError, "The pattern matches no image and no video."),
        ("p/sub/.x/..", InvalidInput, None),
        ("empty", InvalidInput, "The folder holds no images or videos"),
        ("pipe.png", InvalidInput, "It is neither a file nor a folder; give a regular file."),
    ],
)
def test_inputs_that_mean_no_file(folder, given, kind, text):
    Path("empty").mkdir()
    os.mkfifo("pipe.png")
    found = find_inputs([given, "z.png"])
    assert found[-1].path == Path("z.png") and found[-1].error is None
    if text is None:  # a folder that holds images after all
        assert found[0].error is None
    else:
        assert isinstance(found[0].error, kind) and text in str(found[0].error)


def test_unreadable_subfolder_is_reported_and_the_rest_found(folder, monkeypatch):
    listdir = os.listdir

    def refuse(path):
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    found = find_inputs(["p"], recursive=True)
    assert [s.path.name for s in found] == ["a.JPG", "b.png", "sub"]
    assert str(found[-1].error) == "The folder cannot be read: Permission denied."


def test_printable_names_stay_on_one_line():
    assert printable("a\nb\x1b[2J ü 写真.png") == "a\\nb\\x1b[2J ü 写真.png"
