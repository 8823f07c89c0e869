"""Restoring videos: order, progress, what is counted; what is left of one that ends early."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.files.video.makers import (
    CLOCK,
    UNSTEADY,
    frames_of,
    hashes,
    identity,
    psnr,
    times_of,
    write_clip,
)
from tfdeblur.errors import InvalidInput, TfdeblurError
from tfdeblur.files.video import writer
from tfdeblur.files.video.restore import restore_video, unfinished
from tfdeblur.files.video.settings import VideoSettings
from tfdeblur.restorers.protocol import Restored


def flat(level, width=48, height=32):
    return av.VideoFrame.from_ndarray(np.full((height, width, 3), level, np.uint8), "rgb24")


def write_levels(path, levels=(30, 60, 90, 120, 150, 180), **options):
    """A video of flat frames of these levels."""
    times = range(0, 512 * len(levels), 512)
    pixels = options.pop("pixels", "yuv420p")
    made = dict(times=times, size=(48, 32), frame=lambda n: flat(levels[n]).reformat(format=pixels))
    return write_clip(path, pixels=pixels, **made, **options)


def redder(image, degenerate=False, progress=None):
    """Forty levels more red, so that swapped channels show."""
    return Restored(image + np.uint8([40, 0, 0]), degenerate=degenerate)


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"])
def test_every_frame_is_restored_in_order(tmp_path, suffix):
    codec = {".webm": "libvpx-vp9", ".avi": "mpeg4"}.get(suffix, "libx264")
    container = "mp4" if suffix == ".m4v" else None
    source = write_levels(tmp_path / f"in{suffix}", codec=codec, container=container)
    seen = []
    result = restore_video(redder, source, tmp_path / f"out{suffix}", on_progress=seen.append)
    frames = frames_of(tmp_path / f"out{suffix}")
    assert frames.shape == (6, 32, 48, 3)
    expected = np.array([30, 60, 90, 120, 150, 180])[:, None] + [40, 0, 0]
    np.testing.assert_allclose(frames.mean(axis=(1, 2)), expected, atol=4)
    assert (result.frames, result.width, result.height, result.remark) == (6, 48, 32, "")
    assert [one.frames for one in seen] == [1, 2, 3, 4, 5, 6]
    assert {(one.width, one.height) for one in seen} == {(48, 32)}
    if suffix != ".avi":  # it counts the gaps between these frames as well
        assert {one.announced for one in seen} == {6}
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted([f"in{suffix}", f"out{suffix}"])


def test_progress_goes_by_time_and_tells_parts_of_a_slow_frame(tmp_path):
    source, seen = write_clip(tmp_path / "in.mp4", times=UNSTEADY), []

    def slowly(image, progress):
        progress(1, 2)
        progress(2, 2)
        return Restored(image)

    restore_video(slowly, source, tmp_path / "out.mp4", on_progress=seen.append)
    whole = seen[0].duration
    starts = np.array(UNSTEADY) * float(CLOCK)
    halves, wholes = seen[::2], seen[1::2]
    np.testing.assert_allclose([one.seconds for one in wholes], starts, atol=1e-3)
    fractions = [one.fraction for one in wholes]
    np.testing.assert_allclose(fractions, np.minimum(starts / whole, 1), atol=2e-3)
    middles = (starts + [0, *starts[:-1]]) / 2
    np.testing.assert_allclose([one.seconds for one in halves], middles, atol=1e-3)


def test_without_a_duration_progress_goes_by_bytes(tmp_path):
    made = dict(codec="libvpx", container_options={"live": "1"}, clock=Fraction(1, 1000))
    source, seen = write_clip(tmp_path / "in.webm", times=range(0, 1200, 40), **made), []
    result = restore_video(identity, source, tmp_path / "out.webm", on_progress=seen.append)
    assert result.frames == 30
    fractions = [one.fraction for one in seen]
    assert seen[0].duration is None
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 0.5 < 0.9 < fractions[-1] <= 1


def test_odd_sizes_grow_where_the_codec_needs_it_and_this_is_said(tmp_path):
    made = dict(codec="ffv1", size=(47, 31), times=range(0, 120, 40), clock=Fraction(1, 1000))
    source = write_clip(tmp_path / "in.mkv", pixels="yuv420p", **made)
    odd = restore_video(identity, source, tmp_path / "out.mkv")
    assert (odd.height, odd.width) == (31, 47)
    assert odd.remark == "47x31 is odd and grew to 48x32, as H.264 demands"
    before, after = frames_of(source), frames_of(tmp_path / "out.mkv")
    assert after.shape == (3, 32, 48, 3)
    assert psnr(after[:, :31, :47], before) > 40
    np.testing.assert_allclose(after[:, 31].mean(), after[:, 30].mean(), atol=2)  # repeated
    same = restore_video(identity, source, tmp_path / "same.mkv", VideoSettings("vp9"))
    assert same.remark == ""
    assert frames_of(tmp_path / "same.mkv").shape == (3, 31, 47, 3)


def test_sample_is_the_frame_that_changed_most_and_upright(tmp_path):
    turn = lambda out, picture: picture.set_display_rotation(90)  # noqa: E731
    source = write_levels(tmp_path / "in.mp4", before=turn)

    def change_third(image, progress=None):
        third = abs(float(image.mean()) - 90) < 5
        return Restored(image + np.uint8(40 if third else 1))

    blurred, restored = restore_video(change_third, source, tmp_path / "out.mp4").sample
    np.testing.assert_allclose([blurred.mean(), restored.mean()], [90, 130], atol=2)
    assert blurred.shape == restored.shape == (48, 32, 3)


def test_degenerate_frames_are_counted(tmp_path):
    source = write_levels(tmp_path / "in.mp4")
    bad = lambda x, **_: redder(x, x.mean() > 100)  # noqa: E731
    assert restore_video(bad, source, tmp_path / "out.mp4").degenerate == 3


@pytest.mark.parametrize("content", [b"", b"no video at all" * 50])
@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm"])
def test_a_file_without_frames_is_named(tmp_path, suffix, content):
    source = tmp_path / f"bad{suffix}"
    source.write_bytes(content)
    with pytest.raises(InvalidInput, match=f"holds no frame that can be decoded: .*bad{suffix}"):
        restore_video(identity, source, tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == [source]


def test_sound_alone_is_no_video(tmp_path):
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as out:
        track = out.add_stream("aac", rate=48000, layout="stereo")
        from tests.files.video.makers import write_sound

        write_sound(out, track, 0.5)
    with pytest.raises(InvalidInput, match="holds no pictures that move"):
        restore_video(identity, source, tmp_path / "out.mp4")


STEADY_MKV = {"clock": Fraction(1, 1000), "times": range(0, 1600, 40), "duration": 40}

CUT = {
    "mkv": (".mkv", STEADY_MKV),
    "mkv, sound": (
        ".mkv",
        STEADY_MKV | {"sound": "aac"},
    ),
    "mp4, for the web": (
        ".mp4",
        {"times": range(0, 40 * 512, 512), "container_options": {"movflags": "faststart"}},
    ),
    "avi": (
        ".avi",
        {
            "codec": "mjpeg",
            "pixels": "yuvj420p",
            "times": range(40),
            "clock": Fraction(1, 25),
            "duration": 1,
        },
    ),
}


@pytest.mark.parametrize("kind", CUT)
def test_a_video_that_is_cut_off_is_an_error_and_its_beginning_kept(tmp_path, kind):
    suffix, made = CUT[kind]
    source = write_clip(tmp_path / f"in{suffix}", **made)
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * 0.6)])
    output = tmp_path / f"out{suffix}"
    with pytest.raises(
        InvalidInput, match=r"cut off: it ends at \d\.\d\d (of 1\.6\d )?s"
    ) as caught:
        restore_video(identity, source, output)
    assert not output.exists()
    kept = times_of(unfinished(output))
    assert 5 <= len(kept) < 38
    at = float(str(caught.value).split("ends at ")[1].split()[0])
    assert at == pytest.approx(kept[-1], abs=0.01)
    assert str(unfinished(output)) in str(caught.value)


def test_sound_that_outlasts_the_picture_is_no_damage(tmp_path):
    source = write_clip(
        tmp_path / "in.mkv",
        clock=Fraction(1, 1000),
        times=(0, 40, 80, 2000),
        sound="aac",
    )
    whole = hashes(source, "audio")
    assert whole[-1][1] > 1.9
    restore_video(identity, source, tmp_path / "out.mkv")
    assert hashes(tmp_path / "out.mkv", "audio") == whole


def test_damage_is_told_with_its_second_and_the_rest_kept(tmp_path):
    source = write_clip(tmp_path / "in.mkv", codec="mjpeg", pixels="yuvj420p", **STEADY_MKV)
    data = bytearray(source.read_bytes())
    middle = slice(len(data) // 2, len(data) // 2 + 60)
    data[middle] = (byte ^ 0x5A for byte in data[middle])
    source.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"damaged at 0\.[78]\d s: 1 of its") as caught:
        restore_video(identity, source, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()
    assert len(times_of(tmp_path / "out.part.mkv")) == 39
    assert "out.part.mkv" in str(caught.value)


def test_an_interrupted_video_keeps_its_frames_and_starts_anew(tmp_path, caplog):
    source = write_clip(tmp_path / "in.mp4", sound="aac")
    output = tmp_path / "out.mp4"

    def interrupt(progress):
        if progress.frames == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_video(identity, source, output, on_progress=interrupt)
    assert not output.exists()
    assert len(times_of(tmp_path / "out.part.mp4")) == 4
    assert "The frames restored so far are kept in" in caplog.text
    caplog.clear()
    restore_video(identity, source, output)
    assert "out.part.mp4 is left of a run that was ended" in caplog.text
    assert "it starts anew" in caplog.text
    assert len(times_of(output)) == 12
    assert not (tmp_path / "out.part.mp4").exists()


def test_what_a_killed_run_left_is_said_and_replaced(tmp_path, caplog):
    source = write_clip(tmp_path / "in.mp4")
    (tmp_path / "out.part.mp4").write_bytes(source.read_bytes()[:900])  # no index, as of a kill
    restore_video(identity, source, tmp_path / "out.mp4")
    assert "out.part.mp4 is left of a run that was ended" in caplog.text
    assert len(times_of(tmp_path / "out.mp4")) == 12
    assert not (tmp_path / "out.part.mp4").exists()


def test_a_failing_frame_leaves_nothing(tmp_path):
    source = write_clip(tmp_path / "in.mp4")

    def fail(image, progress=None):
        raise InvalidInput("no")

    with pytest.raises(InvalidInput, match="no"):
        restore_video(fail, source, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == [source]


def test_frames_lost_on_a_full_disk_are_noticed(tmp_path, monkeypatch):
    source = write_clip(tmp_path / "in.mp4")
    write = writer.Writer.write

    def write_three(self, image, shot):
        if self.frames < 3:
            write(self, image, shot)
        else:
            self.frames += 1

    monkeypatch.setattr(writer.Writer, "write", write_three)
    with pytest.raises(TfdeblurError, match="holds 3 of 12 frames after writing: the disk may be"):
        restore_video(identity, source, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == [source]


def test_a_full_disk_is_an_error_of_the_disk(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    source = write_clip(tmp_path / "in.mkv", clock=Fraction(1, 1000), times=range(0, 480, 40))
    (tmp_path / "out.part.mkv").symlink_to("/dev/full")
    with pytest.raises((OSError, TfdeblurError)) as caught:
        restore_video(identity, source, tmp_path / "out.mkv")
    assert getattr(caught.value.__cause__ or caught.value, "errno", None) == 28
    assert list(tmp_path.iterdir()) == [source]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    source = write_clip(tmp_path / "in.mp4")
    with pytest.raises(FileNotFoundError):
        restore_video(identity, source, tmp_path / "gone" / "out.mp4")
    with pytest.raises(FileNotFoundError):
        restore_video(identity, tmp_path / "gone.mp4", tmp_path / "out.mp4")


def test_a_size_that_changes_is_refused_with_its_second(tmp_path):
    source = tmp_path / "in.mkv"
    frames = [(64, 48)] * 5 + [(32, 48)] * 3
    with av.open(str(source), "w") as out:
        picture = out.add_stream("mjpeg", rate=25, width=64, height=48, pix_fmt="yuvj420p")
        encoders = {}
        for number, size in enumerate(frames):
            if size not in encoders:
                encoders[size] = av.CodecContext.create("mjpeg", "w")
                encoders[size].width, encoders[size].height = size
                encoders[size].pix_fmt, encoders[size].time_base = "yuvj420p", Fraction(1, 25)
            made = flat(90, *size).reformat(format="yuvj420p")
            made.pts, made.time_base = number, Fraction(1, 25)
            for packet in encoders[size].encode(made):
                packet.stream = picture
                out.mux(packet)
    with pytest.raises(InvalidInput, match=r"changes its size at 0\.20 s, from 64x48 to 32x48"):
        restore_video(identity, source, tmp_path / "out.mkv")
    assert list(tmp_path.iterdir()) == [source]
