"""`tfdeblur data`: what the commands say and which exit code they end with."""

import io
import json

import cv2
import numpy as np
import pytest

from tests.cli.makers import levels, pixels
from tests.helpers import shared_data
from tfdeblur.cli.main import main
from tfdeblur.counter import Counter
from tfdeblur.data import find_pairs


def data(*arguments):
    return main(["data", *map(str, arguments)])


def frames(folder, count, name="clip-{:04d}.png", first=1):
    folder.mkdir(parents=True, exist_ok=True)
    made = [levels(10, 12, seed=i) for i in range(count)]
    for i, frame in enumerate(made):
        cv2.imwrite(str(folder / name.format(first + i)), frame[..., ::-1])
    return made


@pytest.fixture
def photos(tmp_path):
    for i in range(2):
        path = tmp_path / "photos" / f"p{i}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), levels(60, 62, seed=i))
    return tmp_path / "photos"


def test_without_a_command_the_help_is_shown(capsys):
    assert data() == 2
    shown = capsys.readouterr().out
    assert all(f"\n    {name}" in shown for name in ("synthesize", "average", "build"))


QUICK = ["--max-extent", "9", "--per-image", "2", "--workers", "0"]


def test_synthesize_says_what_it_did(photos, tmp_path, capsys):
    out = tmp_path / "out"
    (photos / "broken.png").write_bytes(b"no image")
    command = ["synthesize", photos, "--out", out, *QUICK, "--noise", "0.01", "--jpeg", "90"]
    assert data(*command, "--json") == 3
    said = capsys.readouterr()
    assert said.err.count("failed: ") == 1 and "broken.png" in said.err
    assert said.err.endswith("6 pairs: 4 made, 2 failed of 1 photograph.\n")
    report = json.loads(said.out)
    assert report["exit_code"] == 3 and report["totals"]["made"] == 4
    assert report["settings"]["noise"] == 0.01 and report["settings"]["jpeg_quality"] == 90
    assert [f["pair"] for f in report["failed"]] == ["broken-00", "broken-01"]
    assert [pair.name for pair in find_pairs(out)] == ["p0-00", "p0-01", "p1-00", "p1-01"]

    (photos / "broken.png").unlink()
    assert data(*command) == 3
    assert "1 photographs are new, gone or changed: broken.png" in capsys.readouterr().err
    assert data("synthesize", photos, "--out", out, *QUICK) == 3
    assert "noise was 0.01 and is 0.0 now" in capsys.readouterr().err


def test_synthesize_done_before_is_done(photos, tmp_path, capsys):
    command = ["synthesize", photos, "--out", photos / "out", *QUICK, "--recursive"]
    assert data(*command, "--limit", 1) == 0
    assert data(*command, "--limit", 1) == 0
    assert "2 pairs: 0 made, 2 done before." in capsys.readouterr().err
    (photos / "out" / "blur" / "p0-01.png").unlink()
    assert data(*command, "--limit", 1, "--json") == 0
    assert json.loads(capsys.readouterr().out)["totals"]["made"] == 1


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        (["{photos}", "--law", "physical", "--max-extent", "0"], 3, "`max_extent` must be"),
        (["{photos}", "--per-image", "0"], 3, "`per_image` must be at least 1"),
        (["{photos}", "--test-images", "2"], 3, "must leave photographs for training"),
        (["{photos}", "--noise", "20"], 3, "units of the range [0, 1], not in levels of 255"),
        (["{photos}", "--workers", "-1"], 3, "`workers` must be at least 0"),
        (["{photos}/none"], 4, "does not exist"),
    ],
)
def test_synthesize_names_what_is_wrong(photos, tmp_path, capsys, arguments, code, text):
    arguments = [argument.format(photos=photos) for argument in arguments]
    assert data("synthesize", *arguments, "--out", tmp_path / "out") == code
    assert text in capsys.readouterr().err


def test_average_makes_pairs_of_consecutive_frames(tmp_path, capsys):
    made = frames(tmp_path / "frames", 7)
    frames(tmp_path / "frames", 2, first=20)  # a gap: not averaged with the others
    command = ["average", tmp_path / "frames", "--out", tmp_path / "out", "--count", 3]
    assert data(*command) == 0
    assert "2 pairs: 2 made." in capsys.readouterr().err
    for start, name in ((0, "avg3-clip-0001.png"), (3, "avg3-clip-0004.png")):
        mean = np.mean(made[start : start + 3], axis=0)
        assert np.abs(pixels(tmp_path / "out" / "blur" / name) - mean).max() <= 0.5
        np.testing.assert_array_equal(pixels(tmp_path / "out" / "sharp" / name), made[start + 1])
    assert len(find_pairs(tmp_path / "out")) == 2
    assert data(*command) == 0
    assert "2 pairs: 2 done before." in capsys.readouterr().err
    assert data(*command, "--gamma", 2.2) == 3
    assert "gamma was None and is 2.2 now" in capsys.readouterr().err


def test_average_of_an_even_number_says_that_it_has_no_middle_frame(tmp_path, capsys):
    made = frames(tmp_path / "frames", 8)
    command = ["average", tmp_path / "frames", "--out"]
    assert data(*command, tmp_path / "usual") == 0
    assert "warning" not in capsys.readouterr().err
    np.testing.assert_array_equal(
        pixels(tmp_path / "usual" / "sharp" / "avg7-clip-0001.png"), made[3]
    )
    assert data(*command, tmp_path / "even", "--count", 8) == 0
    said = capsys.readouterr().err
    assert "warning: 8 frames have no middle one" in said
    assert "half a frame later" in said and "--count 7 or 9" in said


def test_average_reproduces_a_published_pair(tmp_path):
    raw = shared_data("gopro", "raw240")
    gopro = shared_data("gopro")
    (tmp_path / "raw").mkdir()
    for number in range(166, 174):
        name = f"GOPR0477_11_00-{number:06d}.png"
        (tmp_path / "raw" / name).symlink_to(raw / name)
    options = ["--count", 8, "--gamma", 2.2, "--rounding", "down"]
    assert data("average", tmp_path / "raw", "--out", tmp_path / "out", *options) == 0
    for kind in ("blur", "sharp"):
        np.testing.assert_array_equal(
            pixels(tmp_path / "out" / kind / "avg8-GOPR0477_11_00-000166.png"),
            pixels(gopro / kind / "avg8-GOPR0477_11_00-000165.png"),
        )


def test_average_takes_videos(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 30, (64, 48))
    made = [levels(48, 64, seed=i) for i in range(7)]
    for frame in made:
        writer.write(frame[..., ::-1])
    writer.release()
    out = tmp_path / "out"
    assert data("average", path, "--out", out, "--count", 4, "--step", 2) == 0
    names = [pair.name for pair in find_pairs(out)]
    assert names == ["avg4-clip-000001", "avg4-clip-000003"]
    (out / "blur" / "avg4-clip-000001.png").unlink()
    (out / "blur" / "avg4-clip-000003.png").unlink()
    assert data("average", path, "--out", out, "--count", 4, "--step", 2) == 0
    sharp = pixels(out / "sharp" / "avg4-clip-000003.png").astype(float)
    # A lossless codec, up to its colour space.
    assert np.abs(sharp - made[4]).mean() < 4 < np.abs(sharp - made[3]).mean()


@pytest.mark.parametrize(("part", "pairs"), [(0.4, 1), (0.15, 0), (1, 3)])
def test_average_says_where_a_video_is_cut_off(part, pairs, tmp_path, capsys):
    """What can be read of it is kept; too few frames are told with the reason."""
    import av

    path, out = tmp_path / "clip.mkv", tmp_path / "out"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(10):
            frame = av.VideoFrame.from_ndarray(levels(48, 64, seed=i), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    whole = path.read_bytes()
    path.write_bytes(whole[: round(part * len(whole))])
    code = data("average", path, "--out", out, "--count", 3)
    told = capsys.readouterr().err
    assert ("warning: The video is cut off: it ends at 0." in told) == (part < 1)
    assert ("of 0.42 s. Pairs are made of what can be read." in told) == (part < 1)
    assert code == {1: 0, 0.4: 3, 0.15: 4}[part]
    assert len(list(out.glob("blur/*.png"))) == pairs
    assert ("at least 3 frames" in told) == (not pairs)


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        (["{few}", "--count", "4"], 4, "at least 4 frames that follow one another"),
        (["{few}", "--count", "1"], 3, "`--count` must be at least 2"),
        (["{few}/none", "--count", "4"], 4, "does not exist"),
        (["{few}/not.mp4"], 3, "is damaged, or a kind of video that cannot be read"),
        (["{few}", "--count", "2"], 3, "failed: avg2-clip-0002: "),
    ],
)
def test_average_names_what_is_wrong(tmp_path, capsys, arguments, code, text):
    few = tmp_path / "few"
    frames(few, 3)
    (few / "not.mp4").write_bytes(b"no video")
    (few / "clip-0003.png").write_bytes(b"no image")
    arguments = [argument.format(few=few) for argument in arguments]
    assert data("average", *arguments, "--out", tmp_path / "out", "--step", "1") == code
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        (["mnist"], 3, "`NAME` must be one of gopro_large, image_pairs, kohler, motion_flow"),
        (["gopro_large/none"], 3, "`--config` of gopro_large must be one of blur, blur_gamma"),
        (["gopro_large", "--config", "none"], 3, "Received: none"),
        (["kohler", "--manual-dir", "{empty}"], 4, "error: kohler: {empty}: no blurred images"),
        (["kohler", "--pairs", "a*", "b*"], 3, "`--pairs` is for image_pairs. Received: kohler"),
    ],
)
def test_build_names_what_is_wrong_and_leaves_nothing(tmp_path, capsys, arguments, code, text):
    pytest.importorskip("tensorflow_datasets")
    (tmp_path / "empty").mkdir()
    arguments = [argument.format(empty=tmp_path / "empty") for argument in arguments]
    assert data("build", *arguments, "--data-dir", tmp_path / "data") == code
    said = capsys.readouterr().err
    assert text.format(empty=tmp_path / "empty") in said and "Traceback" not in said
    assert not list((tmp_path / "data").rglob("*1.0.0*"))  # no version, whole or half


def test_build_of_pairs_by_patterns(tmp_path, capsys):
    pytest.importorskip("tensorflow_datasets")
    frames(tmp_path / "shots", 2, "{}_in.png")
    frames(tmp_path / "shots", 2, "{}_out.png")
    options = ["--manual-dir", tmp_path / "shots", "--data-dir", tmp_path / "data"]
    assert data("build", "image_pairs", *options, "--pairs", "*_in.png", "*_out.png") == 0
    assert "train 2 examples" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_counter_shows_a_bar_and_what_is_left(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("tfdeblur.counter.time.perf_counter", lambda: float(next(clock)))
    terminal = Terminal()
    with Counter(4, "pairs", terminal) as counter:
        for _ in range(3):
            counter.step()
        counter.say("failed: x")
    shown = terminal.getvalue()
    assert "3/4 pairs  1.0 s each  about 1 s left" in shown
    assert shown.endswith("failed: x\n\r\x1b[K")
    plain = io.StringIO()
    with Counter(4, "pairs", plain) as counter:
        counter.step()
    assert plain.getvalue() == ""
