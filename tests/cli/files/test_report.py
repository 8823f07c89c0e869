"""What is counted at the end is what lies on the disk then."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest

from tfdeblur.cli.files.report import as_json, work_and_report
from tfdeblur.errors import TfdeblurError
from tfdeblur.files.plan import Job
from tfdeblur.files.results import Event, FileResult, exit_code


class Silent:
    def __call__(self, event):
        pass

    def close(self):
        pass


def written(folder, name, **more):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"picture")
    return FileResult(Path(name), folder / name, "done", 3, 2, 1, **more)


def report(work, jobs, capsys):
    described = partial(as_json, {"model": "m"}, frozenset(), True, [])
    code = work_and_report(work, Silent(), exit_code, jobs, described)
    shown = capsys.readouterr()
    return code, shown.err, json.loads(shown.out)


def news(on_event, result):
    on_event(Event(0, Job(result.input, result.output), 6, 1.0, result=result))


def test_a_folder_that_is_removed_midway(tmp_path, capsys):
    def work(on_event):
        for name in ("a.png", "b.png"):
            news(on_event, written(tmp_path / "out", name))
        shutil.rmtree(tmp_path / "out")
        for name in ("c.png", "d.png"):
            news(on_event, written(tmp_path / "out", name))

    code, err, found = report(work, 4, capsys)
    assert code == 4 and "4 files: 2 restored, 2 failed." in err
    assert "a.png: " in err and "b.png was there and is gone: was the folder removed?" in err
    assert [one["status"] for one in found["files"]] == ["failed", "failed", "done", "done"]
    assert found["totals"]["failed"] == 2 and found["totals"]["done"] == 2


def test_a_flow_that_is_removed(tmp_path, capsys):
    def work(on_event):
        news(on_event, written(tmp_path / "out", "a.png", flow=tmp_path / "out" / "a.flow.npz"))

    code, err, _ = report(work, 1, capsys)
    assert code == 4 and "a.flow.npz was there and is gone" in err


def test_an_end_by_an_error_counts_them_as_well(tmp_path, capsys):
    def work(on_event):
        news(on_event, written(tmp_path / "out", "a.png"))
        shutil.rmtree(tmp_path / "out")
        raise TfdeblurError("the disk is full")

    with pytest.raises(TfdeblurError):
        report(work, 2, capsys)
    assert "2 files: 1 failed, 1 not finished." in capsys.readouterr().err


def test_all_there(tmp_path, capsys):
    code, err, _ = report(
        lambda on_event: news(on_event, written(tmp_path / "out", "a.png")), 1, capsys
    )
    assert code == 0 and err == "1 file: 1 restored.\n"
