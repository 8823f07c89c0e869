"""The loop over files: events, results, exit codes; nothing half-written counts as done."""

import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers import picture
from tfdeblur.errors import DataError, InvalidInput, TfdeblurError
from tfdeblur.pipeline import beside
from tfdeblur.pipeline.files import Event, FileResult, exit_code, restore_files
from tfdeblur.pipeline.plan import Job
from tfdeblur.pipeline.restore import Restored


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
    from tfdeblur.pipeline.restore import Restorer

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
