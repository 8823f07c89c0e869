"""Where results go, and the plans that are refused because a file would be lost."""

import os
from pathlib import Path

import pytest

from tfdeblur.errors import InvalidInput
from tfdeblur.files.inputs import find_inputs
from tfdeblur.files.plan import plan_outputs, prepare_folder


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(b"")

    return make


def outputs(inputs, out="out", recursive=False, **options):
    sources = find_inputs(inputs, recursive=recursive, leave_out=out)
    return [str(job.output) for job in plan_outputs(sources, out, **options)]


@pytest.mark.parametrize(
    ("name", "file_format", "expected"),
    [
        ("x.png", "keep", "x.png"),
        ("x.JPEG", "keep", "x.JPEG"),
        ("x.tif", "keep", "x.tif"),
        ("x.webp", "keep", "x.webp"),
        ("x.raw", "keep", "x.png"),
        ("x", "keep", "x.png"),
        ("x.PNG", "png", "x.PNG"),
        ("x.jpg", "png", "x.png"),
        ("x.png", "jpeg", "x.jpg"),
        ("x.jpeg", "jpeg", "x.jpeg"),
        ("x.mp4", "png", "x.mp4"),
        ("a.b.c.jpg", "keep", "a.b.c.jpg"),
    ],
)
def test_names_of_results(make, name, file_format, expected):
    make(name)
    assert outputs([name], file_format=file_format) == [f"out/{expected}"]


def test_suffix_and_comparison_names(make):
    make("p/a/x.jpg")
    (job,) = plan_outputs(find_inputs(["p"], recursive=True), "out", suffix="_sharp", compare=True)
    assert str(job.output) == "out/a/x_sharp.jpg"
    assert str(job.comparison) == "out/a/x_sharp.compare.png"


ALL = {"compare": True, "flow_format": "npz", "confidence": True}


def test_names_of_what_is_beside_a_result(make):
    make("p/a/x.jpg")
    (job,) = plan_outputs(find_inputs(["p"], recursive=True), "out", suffix="_sharp", **ALL)
    assert list(map(str, job.outputs)) == [
        "out/a/x_sharp.flow.npz",
        "out/a/x_sharp.flow.png",
        "out/a/x_sharp.confidence.png",
        "out/a/x_sharp.compare.png",
        "out/a/x_sharp.jpg",
    ]
    (job,) = plan_outputs(find_inputs(["p"], recursive=True), "out", flow_format="flo")
    assert (str(job.flow_file), job.confidence) == ("out/a/x.flow.flo", None)


def test_videos_have_a_comparison_only(make):
    make("clip.mp4")
    (job,) = plan_outputs(find_inputs(["clip.mp4"]), "out", **ALL)
    assert list(map(str, job.outputs)) == ["out/clip.compare.png", "out/clip.mp4"]


def test_a_job_is_done_when_everything_is_there(make):
    make("x.png")
    (job,) = plan_outputs(find_inputs(["x.png"]), "out", **ALL)
    for path in job.outputs:
        assert not job.is_done() and path in job.missing()
        make(path)
    assert job.is_done() and job.missing() == ()


def test_folders_below_the_given_one_are_kept(make):
    make("p/a/x.png", "p/b/x.png")
    assert outputs(["p"], recursive=True) == ["out/a/x.png", "out/b/x.png"]
    assert outputs(["p/*/*.png"]) == ["out/a/x.png", "out/b/x.png"]


@pytest.mark.parametrize(
    ("names", "inputs", "options"),
    [
        (["a/x.png", "b/x.png"], ["a/x.png", "b/x.png"], {}),
        (["a/x.png", "b/x.png"], ["a", "b"], {}),
        (["a/x.png", "a/x.jpg"], ["a"], {"file_format": "png"}),
        (["a/x.png", "b/x.png"], ["a", "b"], {"compare": True}),
        (["a/x.png", "b/x.compare.png"], ["a", "b"], {"compare": True}),
        (["a/x.png", "b/x.flow.png"], ["a", "b"], {"flow_format": "npz"}),
        (["a/x.png", "b/x.confidence.png"], ["a", "b"], {"confidence": True}),
        (["a/x.png", "b/x.jpg"], ["a", "b"], {"flow_format": "flo"}),
        (["a/clip.mp4", "b/clip.mp4"], ["a", "b"], {}),
    ],
)
def test_two_results_of_one_name_are_refused_and_both_named(make, names, inputs, options):
    make(*names)
    with pytest.raises(InvalidInput, match="Two inputs would be written to the same") as raised:
        outputs(inputs, **options)
    assert all(name in str(raised.value) for name in names)


def test_two_results_of_one_folder_are_told_to_be_renamed(make):
    make("p/x.png", "p/x.jpg")
    with pytest.raises(InvalidInput, match="Two inputs.*, or rename one of them"):
        outputs(["p"], flow_format="npz")


def test_comparisons_of_results_that_differ_in_their_endings_alone(make):
    make("p/IMG_1.jpg", "p/IMG_1.mov", "p/IMG_2.jpg", "q/IMG_2.png")
    jobs = plan_outputs(find_inputs(["p", "q"]), "out", compare=True)
    assert [str(job.comparison) for job in jobs] == [
        "out/IMG_1.jpg.compare.png",
        "out/IMG_1.mov.compare.png",
        "out/IMG_2.jpg.compare.png",
        "out/IMG_2.png.compare.png",
    ]
    make("p/IMG_1.jpg.compare.png", "p/IMG_1.mov.compare.png")  # no photographs either
    assert outputs(["p"]) == ["out/IMG_1.jpg", "out/IMG_1.mov", "out/IMG_2.jpg"]


@pytest.mark.parametrize("out", ["p", "link"])
def test_a_result_never_replaces_an_input(make, out):
    make("p/x.png", "x.png")
    os.symlink("p", "link")
    with pytest.raises(InvalidInput, match="would replace an input, .*x.png. Choose another"):
        outputs(["p"], out)


@pytest.mark.parametrize("out", [".", "link", "p/.."])
def test_a_named_file_gets_its_result_beside_it(make, out):
    make("x.jpg", "p/y.png")
    os.symlink(".", "link")
    wanted = [f"{out}/x_sharp.jpg".removeprefix("./"), f"{out}/y.png".removeprefix("./")]
    assert outputs(["x.jpg", "p/y.png"], out) == wanted
    make("x_sharp.jpg")
    assert outputs(["x.jpg", "p/y.png"], out) == wanted
    with pytest.raises(InvalidInput, match="The result of x.jpg would replace .*x_sharp.jpg"):
        outputs(["x.jpg", "x_sharp.jpg"], out)


def test_a_result_never_replaces_another_input(make):
    make("a/x.png", "b/x.png")
    with pytest.raises(InvalidInput, match="The result of b/x.png would replace an input"):
        outputs(["b/x.png", "a/x.png"], "a", suffix="")


def test_comparison_never_replaces_an_input(make):
    make("x.png", "o/x.compare.png")
    with pytest.raises(InvalidInput, match="would replace an input, o/x.compare.png"):
        outputs(["x.png", "o/x.compare.png"], "o", compare=True)


def test_pictures_beside_results_are_no_photographs(make):
    beside = [f"r/x.{what}.png" for what in ("compare", "flow", "confidence")]
    make("r/x.jpg", *beside, "r/y.compare.png", "r/sub/x.compare.png")
    found = outputs(["r"], "again", recursive=True)
    assert set(found) == {"again/sub/x.compare.png", "again/x.jpg", "again/y.compare.png"}
    named = outputs(["r/x.jpg", "r/x.compare.png"], "again")
    assert set(named) == {"again/x.jpg", "again/x.compare.png"}


def test_in_place_with_a_suffix_runs_again_on_the_originals_only(make):
    make("p/x.png", "p/y.jpg")
    first = outputs(["p"], "p", suffix="_sharp", compare=True)
    assert first == ["p/x_sharp.png", "p/y_sharp.jpg"]
    make(*first, "p/x_sharp.compare.png", "p/y_sharp.compare.png")
    assert outputs(["p"], "p", suffix="_sharp", compare=True) == first


def test_pictures_of_an_earlier_run_are_no_inputs(make):
    make("p/x.png", "p/x_sharp.png")
    make(*(f"p/x_sharp.{what}.png" for what in ("compare", "flow", "confidence")))
    assert outputs(["p"], "p", suffix="_sharp") == ["p/x_sharp.png"]


def test_results_below_the_input_folder_are_no_inputs(make):
    make("p/x.png", "p/restored/x.png")
    assert outputs(["p"], "p/restored", recursive=True) == ["p/restored/x.png"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"file_format": "gif"}, "`file_format` must be one of .* file_format='gif'"),
        ({"flow_format": "tif"}, "`flow_format` must be one of .* flow_format='tif'"),
        ({"suffix": "../x"}, "`suffix` must not hold '/'. Received: suffix='../x'"),
    ],
)
def test_bad_options(make, options, text):
    with pytest.raises(InvalidInput, match=text):
        plan_outputs([], "out", **options)


def test_a_folder_is_made_and_left_empty(tmp_path):
    assert list(prepare_folder(tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("out", ["file", "file/below", "/dev/null/x", "nul\0byte"])
def test_a_folder_that_cannot_be_written_is_refused(make, out):
    make("file")
    with pytest.raises(InvalidInput, match="`out` must be a folder that can be written to"):
        prepare_folder(out)
