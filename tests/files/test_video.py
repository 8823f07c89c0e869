"""Videos: frame count, size, rate, order; what is left when one is cut off or interrupted."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tfdeblur.errors import InvalidInput, TfdeblurError
from tfdeblur.files import video
from tfdeblur.files.video import restore_video, unfinished
from tfdeblur.restorers.protocol import Restored


def write_video(path, frames=6, height=32, width=48, rate=12.5):
    """A video of flat frames that grow brighter by 30 levels each."""
    code = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), code, rate, (width, height))
    for level in range(frames):
        writer.write(np.full((height, width, 3), 30 + 30 * (level % 6), np.uint8))
    writer.release()
    return path


def read_video(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (frame := capture.read())[0]:
        frames.append(frame[1][..., ::-1])
    return capture.get(cv2.CAP_PROP_FPS), np.array(frames)


def brighter(image, degenerate=False, progress=None):
    """Forty levels more red, so that swapped channels show."""
    return Restored(image + np.uint8([40, 0, 0]), degenerate=degenerate)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mov", ".mkv"])
def test_every_frame_in_order_at_the_same_rate_and_size(tmp_path, suffix):
    source = write_video(tmp_path / f"in{suffix}")
    seen = []
    result = restore_video(brighter, source, tmp_path / f"out{suffix}", lambda *a: seen.append(a))
    rate, frames = read_video(tmp_path / f"out{suffix}")
    assert rate == pytest.approx(12.5, rel=0.01)
    assert frames.shape == (6, 32, 48, 3)
    expected = 30 + 30 * np.arange(6)[:, None] + [40, 0, 0]
    # Encoded twice, here and by the code: MPEG-4 moves colours by some levels each time.
    np.testing.assert_allclose(frames.mean(axis=(1, 2)), expected, atol=14)
    assert seen == [(n, 6, 48, 32) for n in range(1, 7)]
    assert (result.frames, result.width, result.height, result.remark) == (6, 48, 32, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f"in{suffix}", f"out{suffix}"]
    )


def test_parts_of_a_slow_frame_are_told(tmp_path):
    source, seen = write_video(tmp_path / "in.avi", frames=2), []

    def slowly(image, progress):
        for done in (1, 2, 3, 4):
            progress(done, 4)
        return brighter(image)

    restore_video(slowly, source, tmp_path / "out.avi", lambda *a: seen.append(a[0]))
    assert seen == [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]


def test_odd_sizes_grow_instead_of_losing_a_column(tmp_path):
    # Only OpenCV's own writer keeps odd sizes.
    source, code = tmp_path / "in.avi", cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(source), cv2.CAP_OPENCV_MJPEG, code, 12, (47, 31))
    for _ in range(3):
        writer.write(np.full((31, 47, 3), 100, np.uint8))
    writer.release()
    odd = restore_video(brighter, source, tmp_path / "out.avi")
    assert (odd.height, odd.width) == (31, 47)
    assert odd.remark == "47x31 is odd and grew to 48x32"
    frames = read_video(tmp_path / "out.avi")[1]
    assert frames.shape == (3, 32, 48, 3)
    np.testing.assert_allclose(frames[:, -1, -1, 1], 100, atol=5)  # repeated, not black


def test_sample_is_the_frame_that_changed_most(tmp_path):
    source = write_video(tmp_path / "in.avi")

    def change_third(image, progress=None):
        third = abs(float(image.mean()) - 90) < 5
        return Restored(image + np.uint8(40 if third else 1))

    blurred, restored = restore_video(change_third, source, tmp_path / "out.avi").sample
    np.testing.assert_allclose([blurred.mean(), restored.mean()], [90, 130], atol=2)


def test_degenerate_frames_are_counted(tmp_path):
    source = write_video(tmp_path / "in.avi")
    result = restore_video(lambda x, **_: brighter(x, x.mean() > 100), source, tmp_path / "out.avi")
    assert result.degenerate == 3


@pytest.mark.parametrize("content", [b"", b"no video at all" * 50])
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mov", ".mkv"])
def test_a_file_without_frames_is_named(tmp_path, suffix, content):
    source = tmp_path / f"bad{suffix}"
    source.write_bytes(content)
    with pytest.raises(InvalidInput, match=f"holds no frame that can be decoded: .*bad{suffix}"):
        restore_video(brighter, source, tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == [source]


def test_a_video_that_is_cut_off_is_an_error_and_its_beginning_kept(tmp_path):
    source = write_video(tmp_path / "in.avi", frames=40)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    output = tmp_path / "out.avi"
    with pytest.raises(InvalidInput, match=r"cut off: it ends after \d+ of 40 frames"):
        restore_video(brighter, source, output)
    assert not output.exists()
    assert 5 <= len(read_video(unfinished(output))[1]) < 38


def test_an_interrupted_video_keeps_its_frames_under_another_name(tmp_path, caplog):
    source = write_video(tmp_path / "in.mp4")
    output = tmp_path / "out.mp4"

    def interrupt(frames, *_):
        if frames == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_video(brighter, source, output, interrupt)
    assert not output.exists()
    assert len(read_video(tmp_path / "out.part.mp4")[1]) == 4
    assert "The frames restored so far are kept in" in caplog.text


def test_a_failing_frame_leaves_nothing(tmp_path):
    source = write_video(tmp_path / "in.mp4")

    def fail(image, progress=None):
        raise InvalidInput("no")

    with pytest.raises(InvalidInput):
        restore_video(fail, source, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == [source]


def test_frames_lost_on_a_full_disk_are_noticed(tmp_path, monkeypatch):
    source = write_video(tmp_path / "in.mp4")
    write = video._Writer.write

    def write_three(self, image):
        self.count = getattr(self, "count", 0) + 1
        if self.count <= 3:
            write(self, image)

    monkeypatch.setattr(video._Writer, "write", write_three)
    with pytest.raises(TfdeblurError, match="holds 3 of 6 frames after writing: the disk may be"):
        restore_video(brighter, source, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == [source]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    source = write_video(tmp_path / "in.mp4")
    with pytest.raises(TfdeblurError, match="OpenCV cannot write the video"):
        restore_video(brighter, source, tmp_path / "gone" / "out.mp4")
    with pytest.raises(FileNotFoundError):
        restore_video(brighter, tmp_path / "gone.mp4", tmp_path / "out.mp4")


def test_unknown_rate_is_assumed_and_said(tmp_path):
    writer = video._Writer(tmp_path / "x.avi", float("nan"))
    assert writer.remark == "the file names no frame rate, 25 is assumed"
    assert unfinished(Path("a/b.mp4")) == Path("a/b.part.mp4")
