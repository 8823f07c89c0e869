"""The loop over files: events, results, exit codes; nothing half-written counts as done."""

import errno
import os
import warnings
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.helpers import picture
from tfdeblur.errors import DataError, InvalidInput, TfdeblurError
from tfdeblur.files import beside
from tfdeblur.files.plan import Job
from tfdeblur.files.work import Event, FileResult, exit_code, restore_files
from tfdeblur.image.flow_files import read_flow
from tfdeblur.restorers.blind.one_pass import BlindSettings
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.blind.results import BlindRestored
from tfdeblur.restorers.protocol import NotConvergedWarning, Restored, Stage


def restorer(image, *, progress=None):
    """Turns images upside down, in two tiles."""
    if progress is not None:
        progress(1, 2)
        progress(2, 2)
    return Restored(image[::-1])


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Three images, the second of which is missing."""
    monkeypatch.chdir(tmp_path)
    made = []
    for index in range(3):
        path = Path(f"{index}.png")
        if index != 1:
            image = np.round(255 * picture(4 + index, 5)).astype("uint8")
            Image.fromarray(image).save(path)
        made.append(Job(path, Path("deep/out") / path))
    return made


def test_every_job_has_a_result_in_order(jobs):
    results = restore_files(restorer, jobs)
    assert [(r.input, r.output, r.status) for r in results] == [
        (job.source, job.output, status)
        for job, status in zip(jobs, ["done", "failed", "done"], strict=True)
    ]
    assert [(r.width, r.height, r.frames) for r in results] == [(5, 4, 1), (0, 0, 0), (5, 6, 1)]
    assert all(r.seconds > 0 for r in results)
    for job in (jobs[0], jobs[2]):
        upside_down = np.asarray(Image.open(job.source))[::-1]
        np.testing.assert_array_equal(np.asarray(Image.open(job.output)), upside_down)


def test_events_tell_start_parts_and_end(jobs):
    events = []
    results = restore_files(restorer, jobs, events.append)
    assert [event for event in events if event.index == 0] == [
        Event(0, jobs[0]),
        Event(0, jobs[0], 20, 0.0),
        Event(0, jobs[0], 20, 0.5),
        Event(0, jobs[0], 20, 1.0),
        Event(0, jobs[0], 20, 1.0, result=results[0]),
    ]
    assert [event for event in events if event.index == 1] == [
        Event(1, jobs[1]),
        Event(1, jobs[1], 0, 1.0, result=results[1]),
    ]


def test_done_jobs_are_skipped_until_overwrite(jobs):
    restore_files(restorer, jobs)
    calls = []

    def spy(image, **options):
        calls.append(image.shape)
        return restorer(image, **options)

    assert [r.status for r in restore_files(spy, jobs)] == ["skipped", "failed", "skipped"]
    assert calls == []
    again = restore_files(spy, jobs, overwrite=True)
    assert [r.status for r in again] == ["done", "failed", "done"] and len(calls) == 2


def test_a_finished_video_is_not_made_again_for_its_picture(jobs):
    Path("v.mp4").touch()
    Path("done.mp4").write_text("kept")
    job = Job(Path("v.mp4"), Path("done.mp4"), Path("v.compare.png"))
    (result,) = restore_files(restorer, [job])
    assert result.status == "skipped" and Path("done.mp4").read_text() == "kept"


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm"])
def test_pixels_of_a_video_are_told_from_the_first_frame_on(tmp_path, suffix):
    from tests.files.video.makers import write_clip

    codec = {".webm": "libvpx-vp9", ".avi": "mpeg4"}.get(suffix, "libx264")
    times = range(0, 20 * 512, 512)
    source = write_clip(tmp_path / f"in{suffix}", times=times, codec=codec, size=(48, 32))
    seen = []
    restore_files(
        lambda image, progress: Restored(image),
        [Job(source, tmp_path / f"out{suffix}")],
        on_event=seen.append,
    )
    told = [event.pixels for event in seen if event.detail]
    assert len(told) == 20
    late = np.array(told[3:])
    assert np.all(np.abs(late / (20 * 48 * 32) - 1) < 0.1)
    if suffix != ".avi":  # what it announces counts the gaps between these frames as well
        assert np.all(np.abs(np.array(told[:3]) / (20 * 48 * 32) - 1) < 0.1)


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (InvalidInput("too\nodd"), "too\\nodd", 3),
        (DataError("gone"), "gone", 4),
        (FileNotFoundError(errno.ENOENT, "No such file", "x.mp4"), "x.mp4: No such file", 4),
        (PermissionError(errno.EACCES, "Denied", "y"), "y: Denied", 3),
        (
            MemoryError(),
            "There is not enough memory: give a smaller `tile`, or a smaller picture.",
            1,
        ),
        (ZeroDivisionError("oops"), "ZeroDivisionError: oops", 1),
    ],
)
def test_any_error_costs_one_file(jobs, error, reason, code):
    def fail_once(image, **options):
        if len(image) == 4:
            raise error
        return restorer(image, **options)

    first, _, last = restore_files(fail_once, jobs)
    assert (first.status, first.reason, first.exit_code) == ("failed", reason, code)
    assert last.status == "done" and not jobs[0].output.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_ends_the_loop(jobs, number):
    def full(image, **options):
        try:
            raise OSError(number, "it is full")
        except OSError as error:
            raise DataError("cannot be written") from error

    events = []
    with pytest.raises(TfdeblurError, match="it is full: deep/out/0.png was not written.") as error:
        restore_files(full, jobs, events.append)
    assert error.value.exit_code == 1 and events[-1].index == 0


def test_the_result_is_written_last(jobs, monkeypatch):
    job = Job(jobs[0].source, jobs[0].output, jobs[0].output.with_suffix(".compare.png"))
    monkeypatch.setattr(beside, "comparison", lambda *images: 1 / 0)
    (result,) = restore_files(restorer, [job])
    # Were it there, the next run would take the job as done.
    assert result.status == "failed" and not job.output.exists()


def test_degenerate_output_is_reported_by_name_not_as_a_warning(jobs):
    from tfdeblur.restorers.network import Restorer

    nan = Restorer(lambda image, training: image * np.nan)
    (result,) = restore_files(nan, jobs[:1])
    assert (result.status, result.exit_code) == ("degenerate", 5)
    assert "the input was written" in result.reason
    np.testing.assert_array_equal(
        np.asarray(Image.open(jobs[0].output)), np.asarray(Image.open(jobs[0].source))
    )


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([], 0), ([0, 0], 0), ([0, 5], 5), ([5, 4], 4), ([4, 3, 5], 3), ([3, 1, 4], 1)],
)
def test_exit_code_is_the_gravest(codes, expected):
    path = Path("x")
    assert exit_code([FileResult(path, path, "", exit_code=code) for code in codes]) == expected


class FakeRPGAN(BlindRestorer):
    """Turns images upside down; what it says of them is given."""

    def __init__(self, **said):
        self.settings, self.said, self.calls = BlindSettings(betas=(0.1, 0.2)), said, []

    def __call__(self, image, *, flow=None, keep_stages=False, progress=None):
        self.calls.append((flow, keep_stages))
        warnings.warn("told in the result", NotConvergedWarning, stacklevel=2)
        found = BlindRestored(
            image[::-1],
            flow=np.full((*image.shape[:2], 2), 3, np.float32),
            confidence=np.full(image.shape[:2], 0.5, np.float32),
            passes=2,
            score=0.25,
            stages=(Stage(1, 1, image, image),) if keep_stages else (),
            steps=12,
            residual=5e-4,
        )
        return replace(found, **self.said)


def with_everything(job):
    """`job`, with the paths of all that can be written beside its result."""
    names = ("flow.npz", "flow.png", "confidence.png", "compare.png")
    paths = [job.output.with_suffix(f".{name}") for name in names]
    fields = ("flow_file", "flow_picture", "confidence", "comparison")
    return replace(job, **dict(zip(fields, paths, strict=True)))


def test_what_rp_gan_finds_out_is_written_and_reported(jobs):
    job, restorer = with_everything(jobs[0]), FakeRPGAN(remark="stopped early")
    (result,) = restore_files(restorer, [job])
    assert restorer.calls == [(None, True)]
    assert result.status == "done" and (result.reason, result.remark) == ("stopped early",) * 2
    assert (result.confidence, result.passes, result.levels) == (0.25, 2, 2)
    assert (result.steps, result.residual, result.converged) == (12, 5e-4, True)
    assert result.flow == job.flow_file
    np.testing.assert_array_equal(read_flow(job.flow_file), np.full((4, 5, 2), 3))
    for path in (job.flow_picture, job.confidence, job.comparison):
        assert cv2.imread(str(path)).shape[1] > 200
    assert job.is_done() and restore_files(restorer, [job])[0].status == "skipped"


def test_only_what_is_missing_is_written(jobs):
    job, restorer = with_everything(jobs[0]), FakeRPGAN()
    restore_files(restorer, [job])
    for path in job.outputs:
        path.write_bytes(b"kept")
    job.confidence.unlink()
    job.comparison.unlink()
    (result,) = restore_files(restorer, [job])
    assert result.status == "done" and result.confidence == 0.25
    assert result.reason == ("already done, left as it was; added 0.compare.png, 0.confidence.png")
    kept = [path.name for path in job.outputs if path.read_bytes() == b"kept"]
    assert kept == ["0.flow.npz", "0.flow.png", "0.png"] and job.is_done()


@pytest.mark.parametrize("why", ["overwrite", "no result"])
def test_beside_a_new_result_everything_is_new(why, jobs):
    job = with_everything(jobs[0])
    job.output.parent.mkdir(parents=True)
    for path in job.outputs[:-1] if why == "no result" else job.outputs:
        path.write_bytes(b"old")
    restore_files(FakeRPGAN(), [job], overwrite=why == "overwrite")
    assert all(path.read_bytes() != b"old" for path in job.outputs)


@pytest.mark.parametrize("finished", range(5))
def test_a_full_disk_leaves_no_result_that_would_count_as_done(finished, jobs, monkeypatch):
    job, left, replace_file = with_everything(jobs[0]), [0] * finished, os.replace

    def full(*paths):
        if not left:
            raise OSError(errno.ENOSPC, "it is full")
        left.pop()
        return replace_file(*paths)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(TfdeblurError, match="it is full: deep/out/0.png was not written"):
        restore_files(FakeRPGAN(), [job])
    assert len(job.missing()) == 5 - finished and not job.output.exists()


def test_stages_are_kept_only_for_a_comparison(jobs):
    restorer = FakeRPGAN()
    restore_files(restorer, [replace(jobs[0], flow=Path("f.npz"))])
    assert restorer.calls == [(Path("f.npz"), False)]


def test_not_converged_is_a_warning_with_its_residual(jobs):
    remark = "not converged: the relative residual is 0.02"
    restorer = FakeRPGAN(converged=False, residual=0.02, remark=remark)
    (result,) = restore_files(restorer, jobs[:1])
    assert (result.status, result.exit_code) == ("not converged", 5)
    assert (result.reason, result.residual) == (remark, 0.02) and jobs[0].output.is_file()


def test_a_degenerate_result_without_motion_is_reported(jobs):
    restorer = FakeRPGAN(degenerate=True, flow=None, confidence=None, score=float("nan"))
    job = with_everything(jobs[0])
    (result,) = restore_files(restorer, [job])
    assert (result.status, result.exit_code) == ("degenerate", 5)
    assert result.confidence is None and result.flow is None
    assert [path.name for path in job.missing()] == ["0.flow.npz", "0.flow.png", "0.confidence.png"]


def test_videos_report_the_mean_confidence_and_unsolved_frames(jobs):
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter("clip.avi", code, 10, (32, 16))
    for _ in range(3):
        writer.write(np.full((16, 32, 3), 100, np.uint8))
    writer.release()
    job = Job(Path("clip.avi"), Path("out.avi"), Path("out.compare.png"))
    (result,) = restore_files(FakeRPGAN(converged=False), [job])
    assert (result.status, result.confidence, result.frames) == ("not converged", 0.25, 3)
    assert result.reason == "the solver did not converge in 3 of 3 frames" and job.is_done()
