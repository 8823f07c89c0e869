"""The job over a folder: what it writes, and that no history of stops shows in it."""

import csv
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.data.makers import image, write
from tfdeblur.data import find_pairs
from tfdeblur.data.photographs import find_photographs, refuse_pairs
from tfdeblur.data.synthesis import synthesize_pair
from tfdeblur.data.synthesis_record import SynthesisSettings, pair_seed
from tfdeblur.data.synthesize_folder import FolderSynthesis
from tfdeblur.errors import DataError, InvalidInput, TfdeblurError
from tfdeblur.image.codec import read_image
from tfdeblur.image.flow_files import read_flow

QUICK = {"max_extent": 9, "per_image": 2}


def photographs(folder, *names, height=60, width=62):
    for seed, name in enumerate(names):
        write(folder / name, image(height, width, seed))
    return folder


def synthesize(folder, out, **settings):
    """Runs a job in this process and returns the outcomes by name."""
    job = FolderSynthesis(
        find_photographs(folder, recursive=True), out, SynthesisSettings(**{**QUICK, **settings})
    )
    return {outcome.task.key: outcome for outcome in job.run(workers=0)}


def tree(folder):
    """Relative path -> bytes of everything below a folder, hidden files too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def table(out):
    return list(csv.DictReader((out / "pairs.csv").read_text().splitlines()))


def test_what_a_folder_holds(tmp_path):
    out = tmp_path / "out"
    folder = photographs(tmp_path / "photos", "b10.png", "b9.jpg", "sub/c.png")
    outcomes = synthesize(folder, out, include_sharp=True)
    names = [f"{s}-{k}" for s in ("b9", "b10", "sub-c") for k in ("00", "01", "sharp")]
    assert sorted(outcomes) == sorted(names)
    assert [row["name"] for row in table(out)] == names
    # What training finds: pairs, and no flows taken for images.
    assert sorted(pair.name for pair in find_pairs(out, check="full")) == sorted(names)
    assert sorted(path.stem for path in (out / "flow").iterdir()) == sorted(names)

    sharp = read_image(folder / "sub/c.png").rgb
    seed = pair_seed(0, "sub/c.png", 1)
    expected = synthesize_pair(sharp, seed, max_extent=9)
    np.testing.assert_array_equal(read_image(out / "blur/sub-c-01.png").rgb, expected.blurred)
    np.testing.assert_array_equal(read_image(out / "sharp/sub-c-01.png").rgb, expected.sharp)
    np.testing.assert_array_equal(read_flow(out / "flow/sub-c-01.npz"), expected.flow)
    row = next(row for row in table(out) if row["name"] == "sub-c-01")
    assert row["photograph"] == "sub/c.png" and int(row["seed"]) == seed
    assert float(row["factor"]) == expected.factor < 1

    np.testing.assert_array_equal(read_image(out / "blur/b10-sharp.png").rgb, sharp_of(folder))
    assert not read_flow(out / "flow/b10-sharp.npz").any()


def sharp_of(folder):
    return read_image(folder / "b10.png").rgb


def test_a_lost_table_is_written_again_without_blurring(tmp_path):
    folder, out = photographs(tmp_path / "photos", "a.png", "b.png"), tmp_path / "out"
    synthesize(folder, out)
    before = tree(out)
    times = {path: path.stat().st_mtime_ns for path in (out / "blur").iterdir()}
    assert synthesize(folder, out) == {}
    (out / "pairs.csv").write_bytes(before["pairs.csv"][:-7])  # killed while it was written
    assert len(synthesize(folder, out)) == 1
    (out / "pairs.csv").unlink()
    assert len(synthesize(folder, out)) == 4
    assert tree(out) == before
    assert {path: path.stat().st_mtime_ns for path in (out / "blur").iterdir()} == times


def test_bad_photographs_are_named_and_the_rest_is_done(tmp_path):
    folder, out = photographs(tmp_path / "photos", "a.png", "b.png", "c.png"), tmp_path / "out"
    whole = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(whole[:-30] + b"x" * 30)
    write(folder / "c.png", image(5, 62))
    outcomes = synthesize(folder, out)
    failed = {key: outcome for key, outcome in outcomes.items() if outcome.reason}
    assert sorted(failed) == ["b-00", "b-01", "c-00", "c-01"]
    assert all(outcome.exit_code == InvalidInput.exit_code for outcome in failed.values())
    assert str(folder / "b.png") in failed["b-00"].reason
    assert str(folder / "c.png") in failed["c-00"].reason
    assert "larger than the border" in failed["c-00"].reason
    assert [row["name"] for row in table(out)] == ["a-00", "a-01"]
    # Put right, with the same number of bytes, the folder is gone on with.
    (folder / "b.png").write_bytes(whole)
    assert sorted(synthesize(folder, out)) == ["b-00", "b-01", "c-00", "c-01"]
    assert [row["name"] for row in table(out)] == ["a-00", "a-01", "b-00", "b-01"]


def test_splits_are_by_photograph(tmp_path):
    folder = photographs(tmp_path / "photos", *(f"{i}.png" for i in range(6)))
    settings = {"test_images": 2, "max_extent": 3}
    synthesize(folder, tmp_path / "out", **settings)
    found = {}
    for split in ("train", "test"):
        pairs = find_pairs(tmp_path / "out", split)
        found[split] = {pair.name.rpartition("-")[0] for pair in pairs}
        assert len(pairs) == 2 * len(found[split])
    assert len(found["test"]) == 2 and len(found["train"]) == 4
    assert not found["test"] & found["train"]
    assert {row["split"] for row in table(tmp_path / "out")} == {"train", "test"}
    with pytest.raises(InvalidInput, match=r"`test_images` must leave photographs.*test_images=6"):
        synthesize(folder, tmp_path / "none", test_images=6)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"max_extent": 5}, "max_extent was 9.0 and is 5.0 now"),
        ({"law": "physical"}, "law was 'gong2018' and is 'physical' now"),
        ({"seed": 1, "per_image": 3}, "per_image was 2 and is 3 now; seed was 0 and is 1 now"),
    ],
)
def test_another_run_into_the_same_folder_is_refused(tmp_path, settings, text):
    folder, out = photographs(tmp_path / "photos", "a.png"), tmp_path / "out"
    synthesize(folder, out)
    before = tree(out)
    with pytest.raises(InvalidInput) as caught:
        synthesize(folder, out, **settings)
    assert text in str(caught.value)
    photographs(folder, "a.png", "new.png")
    with pytest.raises(InvalidInput, match="1 photographs are new, gone or changed: new.png"):
        synthesize(folder, out)
    assert tree(out) == before


def test_a_folder_of_other_pairs_is_refused(tmp_path):
    folder = photographs(tmp_path / "photos", "a.png")
    write(tmp_path / "out" / "blur" / "x.png", image(4, 4))
    with pytest.raises(InvalidInput, match=r"holds blur but no synthesis.json"):
        synthesize(folder, tmp_path / "out")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "synthesis.json").write_text("{")
    with pytest.raises(DataError, match="synthesis.json cannot be read"):
        synthesize(folder, tmp_path / "torn")


def test_a_full_disk_stops_the_job_and_keeps_what_is_done(tmp_path, monkeypatch):
    from tfdeblur.image import atomic

    folder, out = photographs(tmp_path / "photos", "a.png", "b.png"), tmp_path / "out"
    real, room = atomic.write_atomically, [12]

    def write_until_full(path, data):
        room[0] -= 1
        if room[0] < 0:
            reason = OSError(errno.ENOSPC, "No space left on device")
            raise DataError(f"{path} cannot be written: {reason.strerror}.") from reason
        real(path, data)

    monkeypatch.setattr(atomic, "write_atomically", write_until_full)
    with pytest.raises(TfdeblurError, match="No space left .* run the same command again") as error:
        synthesize(folder, out)
    assert error.value.exit_code == 1
    assert 0 < len(list((out / "blur").iterdir())) < 4
    monkeypatch.undo()
    synthesize(folder, out)
    synthesize(folder, tmp_path / "whole")
    assert tree(out) == tree(tmp_path / "whole")


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"per_image": 0}, "`per_image` must be at least 1. Received: per_image=0"),
        ({"seed": -1}, "`seed` must be at least 0"),
        ({"law": "newton"}, "`law` must be one of"),
        ({"max_extent": 0}, "`max_extent` must be"),
        ({"noise": -1}, "`noise` must be"),
        ({"jpeg_quality": 101}, "`jpeg_quality` must be"),
    ],
)
def test_wrong_settings_are_named_before_anything_is_written(tmp_path, settings, text):
    folder = photographs(tmp_path / "photos", "a.png")
    with pytest.raises(InvalidInput) as caught:
        synthesize(folder, tmp_path / "out", **settings)
    assert text in str(caught.value) and not (tmp_path / "out").exists()


def test_photographs_that_would_share_a_name_are_refused(tmp_path):
    folder = photographs(tmp_path / "photos", "a.png", "a.jpg", "s/t.png", "s-t.png")
    with pytest.raises(DataError, match=r"2 problems:") as caught:
        find_photographs(folder, recursive=True)
    assert "a.jpg and a.png would both be named a" in str(caught.value).replace(
        "a.png and a.jpg", "a.jpg and a.png"
    )
    (folder / "a.jpg").unlink()
    assert [p.stem for p in find_photographs(folder)] == ["a", "s-t"]
    with pytest.raises(DataError, match="holds no photographs .*--recursive"):
        find_photographs(photographs(tmp_path / "deep", "x/y.png"))
    with pytest.raises(DataError, match="does not exist"):
        find_photographs(tmp_path / "none")


def test_the_blurred_half_of_pairs_is_refused(tmp_path):
    folder = photographs(tmp_path / "pairs", "train/blur/a.png", "train/sharp/a.png")
    with pytest.raises(DataError, match="is the blurred image of a pair"):
        refuse_pairs(folder, find_photographs(folder, recursive=True))
    alone = photographs(tmp_path / "input", "input/a.png")  # a common name of a folder of photos
    refuse_pairs(alone, find_photographs(alone, recursive=True))


def living(group):
    """Number of processes of a process group, those that have ended and were not fetched aside."""
    count = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, found = stat.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):  # gone while we looked
            continue
        count += int(found) == group and state != "Z"
    return count


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)],
    ids=["killed", "interrupted"],
)
def test_stopped_half_way_and_gone_on_with_is_as_if_never_stopped(tmp_path, number):
    folder, out = photographs(tmp_path / "photos", "a.png", "b.png", "c.png"), tmp_path / "out"
    command = [sys.executable, "-m", "tfdeblur.cli.main", "data", "synthesize", str(folder)]
    command += ["--out", str(out), "--max-extent", "9", "--per-image", "20", "--workers", "2"]
    run = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, env=os.environ
    )
    while run.poll() is None and not (out / "blur").is_dir():
        time.sleep(0.05)
    while run.poll() is None and len(list((out / "blur").glob("*.png"))) < 5:
        time.sleep(0.002)
    os.kill(run.pid, number)
    said = run.communicate(timeout=120)[1]
    assert run.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL), said
    assert "Traceback" not in said
    give_up = time.monotonic() + 30
    while living(run.pid) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert living(run.pid) == 0, "workers outlive the process that they work for"
    assert 5 <= len(list((out / "blur").glob("*.png"))) < 60, "stopped too late to prove anything"

    synthesize(folder, out, per_image=20)
    synthesize(folder, tmp_path / "whole", per_image=20)
    assert tree(out) == tree(tmp_path / "whole")
