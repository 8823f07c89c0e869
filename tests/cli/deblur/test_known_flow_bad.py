"""Flows and options nobody hoped for: each is named, no input changes, the rest is done."""

import numpy as np
import pytest
from PIL import Image

from tests.cli.makers import contents, levels, save_flo, save_npz, still
from tfdeblur.cli.main import main

ROWS = []


def row(code, says, options=()):
    """Registers a maker of bad input: `(folder) -> (flow, names of results)`."""

    def register(make):
        ROWS.append(pytest.param(make, code, says, options, id=make.__name__))
        return make

    return register


@row(4, "Received: known_flow='gone.npz'")
def missing_flow(folder):
    return "gone.npz", []


@row(3, "that is 7x6 pixels (width x height) when upright, so its flow must have shape (6, 7, 2)")
def flow_of_another_size(folder):
    save_npz(folder / "flow.npz", still(5, 8))
    return "flow.npz", []


@row(3, "flow.npz does not fit the image: that is 7x6 pixels")
def flow_turned(folder):
    save_npz(folder / "flow.npz", still(7, 6))
    return "flow.npz", []


@row(3, "flow.npz must be known and finite everywhere. Received: 1 pixels")
def flow_with_nan(folder):
    flow = still()
    flow[2, 3, 1] = np.nan
    save_npz(folder / "flow.npz", flow)
    return "flow.npz", []


@row(3, "flow.flo must be known and finite everywhere. Received: 1 pixels")
def flow_with_unknown_vectors(folder):
    flow = still()
    flow[2, 3] = 1666666752
    save_flo(folder / "flow.flo", flow)
    return "flow.flo", []


@row(3, "flow.npz holds a motion of 5000 pixels")
def motion_far_longer_than_the_image(folder):
    save_npz(folder / "flow.npz", still() + 5000)
    return "flow.npz", []


@row(3, 'flow.npz must hold an array "flow". Received: motion')
def flow_under_another_name(folder):
    np.savez(folder / "flow.npz", motion=still())
    return "flow.npz", []


@row(3, "flow.npz must be a flow (height, width, 2). Received: (6, 7, 3)")
def three_components(folder):
    save_npz(folder / "flow.npz", np.zeros((6, 7, 3)))
    return "flow.npz", []


@row(3, "flow.npz is damaged")
def text_named_npz(folder):
    (folder / "flow.npz").write_text("Dear reader,\n")
    return "flow.npz", []


@row(3, "flow.npz is damaged")
def empty_flow(folder):
    (folder / "flow.npz").touch()
    return "flow.npz", []


@row(3, "flow.npz is damaged")
def truncated_npz(folder):
    save_npz(folder / "flow.npz", still())
    data = (folder / "flow.npz").read_bytes()
    (folder / "flow.npz").write_bytes(data[: len(data) // 2])
    return "flow.npz", []


@row(3, "flow.flo is cut off")
def truncated_flo(folder):
    save_flo(folder / "flow.flo", still())
    data = (folder / "flow.flo").read_bytes()
    (folder / "flow.flo").write_bytes(data[:-5])
    return "flow.flo", []


@row(3, "flow.flo is no Middlebury .flo file")
def flo_without_its_mark(folder):
    save_flo(folder / "flow.flo", still())
    data = (folder / "flow.flo").read_bytes()
    (folder / "flow.flo").write_bytes(b"HEIP" + data[4:])
    return "flow.flo", []


@row(3, "flow.tif must end in .npz or .flo")
def flow_in_another_format(folder):
    (folder / "flow.tif").write_bytes(b"II*\0")
    return "flow.tif", []


@row(4, "There is no flow for it: neither flows/y.npz nor flows/y.flo exists")
def one_flow_of_two_in_a_folder(folder):
    Image.fromarray(levels(6, 7)).save(folder / "p" / "y.png")
    save_npz(folder / "flows" / "x.npz", still())
    return "flows", ["x.png"]


@row(3, "There are two flows for it, flows/x.flo and flows/x.flow.npz")
def a_given_and_an_estimated_flow_for_one(folder):
    save_npz(folder / "flows" / "x.flow.npz", still())
    save_flo(folder / "flows" / "x.flo", still())
    return "flows", []


@row(3, "Its flow out/x.flow.npz would be written over", ["--flow"])
def flow_that_would_be_written_over(folder):
    save_npz(folder / "out" / "x.flow.npz", still())
    return "out", ["x.flow.npz"]


@row(3, "There are two flows for it, flows/x.npz and flows/x.flo")
def two_flows_for_one(folder):
    save_npz(folder / "flows" / "x.npz", still())
    save_flo(folder / "flows" / "x.flo", still())
    return "flows", []


@row(3, "a video cannot be restored with it")
def video(folder):
    (folder / "p" / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"\0" * 200)
    save_npz(folder / "flow.npz", still())
    return "flow.npz", ["x.png"]


@row(3, "p/y.png is not an image")
def damaged_photograph(folder):
    (folder / "p" / "y.png").write_text("no")
    save_npz(folder / "flow.npz", still())
    return "flow.npz", ["x.png"]


@pytest.mark.parametrize(("make", "code", "says", "options"), ROWS)
def test_bad_input_is_named(make, code, says, options, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    Image.fromarray(levels(6, 7)).save("p/x.png")
    flow, wanted = make(tmp_path)
    before = contents(tmp_path / "p")
    assert main(["deblur", "p", *options, "--out", "out", "--known-flow", flow]) == code
    captured = capsys.readouterr()
    assert says in captured.err and "Traceback" not in captured.err and captured.out == ""
    assert contents(tmp_path / "p") == before
    out = tmp_path / "out"
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == wanted


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--beta", "0.1"], "--beta: works with --known-flow only"),
        (["--model", "m", "--beta", "0.1"], "--beta: works with --known-flow only"),
        (["--model", "m", "--rasterizer", "fspecial"], "--rasterizer: works with --known-flow"),
        (["--known-flow", "f", "--passes", "2"], "--passes: works with --model only"),
        (["--known-flow", "f", "--tile", "256"], "--tile: works with --model only"),
        (["--known-flow", "f", "--memory-budget", "9"], "--memory-budget: works with --model"),
        (["--known-flow", "f", "--precision", "bfloat16"], "--precision: works with --model"),
        (["--known-flow", "f", "--self-ensemble"], "--self-ensemble: works with --model only"),
        (["--known-flow", "f", "--levels", "2"], "--levels: works with RP-GAN models only"),
        (["--known-flow", "f", "--no-early-stop"], "--no-early-stop: works with RP-GAN models"),
        (["--known-flow", "f", "--confidence"], "--confidence: works with RP-GAN models only"),
        (["--known-flow", "f", "--flow-format", "flo"], "--flow-format: works with --flow only"),
        (["--known-flow", "f", "--beta", "0"], "--beta: must be a number above 0, not 0"),
        (["--known-flow", "f", "--beta", "nan"], "--beta: must be a number above 0, not nan"),
        (["--known-flow", "f", "--tolerance", "-1"], "--tolerance: must be a number above 0"),
        (["--known-flow", "f", "--max-steps", "0"], "--max-steps: must be at least 1, not 0"),
        (["--known-flow", "f", "--rasterizer", "line"], "--rasterizer: invalid choice: 'line'"),
    ],
)
def test_wrong_usage(arguments, says, capsys):
    with pytest.raises(SystemExit) as end:
        main(["deblur", "x.png", "--out", "o", *arguments])
    captured = capsys.readouterr().err
    assert end.value.code == 2 and says in captured and "tfdeblur deblur: error: " in captured
