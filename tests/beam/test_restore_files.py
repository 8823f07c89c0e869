"""Archives by Beam: the results of `deblur`, each once, whatever is in the way."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

beam = pytest.importorskip("apache_beam", reason="needs the extra beam (an environment of its own)")

from apache_beam.options.pipeline_options import PipelineOptions  # noqa: E402

from export import LocalService, export_model  # noqa: E402
from tests.docs.helpers import blocks  # noqa: E402
from tests.helpers import picture  # noqa: E402
from tfdeblur.beam import ArchiveSettings, RestoreFiles  # noqa: E402
from tfdeblur.beam.storage import BEGUN  # noqa: E402
from tfdeblur.beam.transform import named  # noqa: E402
from tfdeblur.cli.main import main  # noqa: E402
from tfdeblur.errors import InvalidInput, ServiceUnreachable  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # Beam's own are many
CHECKOUT = Path(__file__).parents[2]
OPTIONS = PipelineOptions(["--runner=DirectRunner", "--direct_running_mode=in_memory"])


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "a").mkdir(parents=True)
    for seed, name in enumerate(("one.png", "two.jpg", "a/three.png", "deep.png")):
        levels = np.round(255 * picture(20, 31, seed=seed)).astype("uint8")
        cv2.imwrite(str(folder / name), levels.astype("uint16") * 257 if "deep" in name else levels)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (folder / "notes.txt").write_text("no picture")
    return folder


def run(elements, out, model, **settings):
    """What became of the files, by bare name, and the counters."""
    found = []
    settings["model"] = None if model is None else str(model)
    transform = RestoreFiles(str(out), **settings)
    pipeline = beam.Pipeline(options=OPTIONS)
    results = pipeline | beam.Create(elements) | transform
    both = (results.done, results.failed) | beam.Flatten()
    log = out.parent / "log"
    both | beam.Map(repr) | beam.io.WriteToText(str(log), num_shards=1, shard_name_template="")
    done = pipeline.run()
    done.wait_until_finish()
    from tfdeblur.beam import FileDone

    for line in log.read_text().splitlines():
        found.append(eval(line, {"FileDone": FileDone}))  # noqa: S307 (what we wrote)
    counters = done.metrics().query()["counters"]
    return found, {one.key.metric.name: one.committed for one in counters if "tfdeblur" in str(one)}


def pairs(photos):
    paths = sorted(path for path in photos.rglob("*") if path.is_file())
    return [(str(path), path.relative_to(photos).as_posix()) for path in paths]


def contents(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_results_are_those_of_deblur(photos, tmp_path, affine_model):
    found, counters = run(pairs(photos), tmp_path / "beam", affine_model)
    command = ["deblur", str(photos), "--out", str(tmp_path / "deblur"), "--recursive"]
    assert main([*command, "--model", str(affine_model)]) == 3  # for the broken one
    assert contents(tmp_path / "beam") == contents(tmp_path / "deblur")
    assert counters == {"done": 4, "failed": 2, "pixels": 4 * 20 * 31}
    reasons = {os.path.basename(one.source): one.reason for one in found if one.status == "failed"}
    assert set(reasons) == {"broken.png", "notes.txt"} and all(reasons.values())


def test_what_is_there_is_left(photos, tmp_path, affine_model):
    out = tmp_path / "out"
    out.mkdir()
    (out / "one.png").write_bytes(b"mine")
    found, counters = run(pairs(photos), out, affine_model)
    assert (out / "one.png").read_bytes() == b"mine" and counters["skipped"] == 1
    run(pairs(photos), out, affine_model, overwrite=True)
    assert cv2.imread(str(out / "one.png")) is not None


def test_two_files_with_one_result(photos, tmp_path, affine_model):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "one.png"
    other.write_bytes((photos / "a" / "three.png").read_bytes())
    elements = [str(photos / "one.png"), str(other), str(photos / "one.png")]
    found, counters = run(elements, tmp_path / "out", affine_model)
    assert sorted(one.status for one in found) == ["done", "failed"]
    (failed,) = (one for one in found if one.status == "failed")
    assert "would be that of" in failed.reason


def test_no_input_is_replaced(photos, tmp_path, affine_model):
    before = contents(photos)
    found, _ = run(pairs(photos), photos, affine_model, overwrite=True)
    assert contents(photos) == before
    told = [one.reason for one in found if "would replace it" in one.reason]
    assert len(told) == 5
    run([str(photos / "one.png")], photos, affine_model, suffix="_sharp")
    assert (photos / "one_sharp.png").is_file()


def test_a_server_restores(photos, tmp_path, affine_model):
    export_model(str(affine_model), tmp_path / "served")
    with LocalService(str(tmp_path / "served"), port=0) as service:
        found, counters = run(pairs(photos), tmp_path / "beam", None, target=service.target)
    assert counters["done"] == 4 and counters["failed"] == 2
    run(pairs(photos), tmp_path / "here", affine_model)
    assert contents(tmp_path / "beam").keys() == contents(tmp_path / "here").keys()
    by_server, here = (cv2.imread(str(tmp_path / one / "one.png")) for one in ("beam", "here"))
    assert np.abs(by_server.astype(int) - here).max() <= 1


def test_a_server_that_is_gone_is_no_fault_of_a_file(photos, tmp_path):
    with pytest.raises(Exception, match="Nothing answers|cannot be reached|localhost:1"):
        run(pairs(photos)[:1], tmp_path / "out", None, target="localhost:1")
    assert not contents(tmp_path).keys() & {"out/a/three.png"}


def test_a_lost_server_is_told_once():
    """A damaged file after it, for which no server is asked, is not blamed on the server."""
    served = ArchiveSettings("out", target="localhost:1").open()
    with pytest.raises(ServiceUnreachable) as found:
        served(np.zeros((4, 4, 3), np.uint8))
    assert served.take_lost() is found.value and served.take_lost() is None


def test_results_that_are_unsound_are_told(photos, tmp_path, capsys):
    image = keras.Input((None, None, 3))
    keras.Model(image, image + 5.0).save(tmp_path / "far.keras")
    command = ["deblur", str(photos / "one.png"), "--out", str(tmp_path / "out")]
    command += ["--model", str(tmp_path / "far.keras"), "--beam", "DirectRunner"]
    assert main([*command, "--beam-option", "direct_running_mode=in_memory"]) == 5
    assert "degenerate: " in capsys.readouterr().err


@pytest.mark.parametrize("relative", ["/etc/x.png", "../x.png", ""])
def test_places_outside_are_refused(relative):
    with pytest.raises(InvalidInput, match="must be a path below `out`"):
        named(("x.png", relative))


def test_bad_settings_are_named():
    with pytest.raises(InvalidInput, match="exclude each other.*'m'.*'host:1'"):
        RestoreFiles("out", model="m", target="host:1")
    with pytest.raises(InvalidInput, match="`file_format` must be one of.*'gif'"):
        RestoreFiles("out", file_format="gif")


def test_the_command(photos, tmp_path, affine_model, capsys):
    out = tmp_path / "out"
    command = [
        "deblur",
        str(photos),
        "--recursive",
        "--out",
        str(out),
        "--model",
        str(affine_model),
    ]
    command += ["--beam", "DirectRunner", "--beam-option", "direct_running_mode=in_memory"]
    assert main(command) == 3
    told = capsys.readouterr().err
    assert "broken.png" in told and "4 restored" in told and "1 failed" in told
    assert not (out / BEGUN).exists()
    assert sorted(contents(out)) == ["a/three.png", "deep.png", "one.png", "two.jpg"]
    assert main(command) == 3 and "4 done before" in capsys.readouterr().err


def test_the_page_of_the_documentation(photos, tmp_path, affine_model, monkeypatch, capfd):
    page = (CHECKOUT / "docs" / "howto" / "archives.md").read_text()
    (code,) = blocks(page, "python")
    monkeypatch.chdir(tmp_path)
    photos.rename("archive")
    exec(code.replace('"maxim"', repr(str(affine_model))), {})
    assert list(contents(tmp_path / "restored")) == ["two.jpg"]


def test_an_option_that_means_nothing_there(photos, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["deblur", str(photos), "--out", str(tmp_path), "--beam", "DirectRunner", "--compare"])
    assert "--compare" in capsys.readouterr().err


def test_without_beam_it_is_said():
    code = "import sys; sys.modules['apache_beam'] = None; import tfdeblur.beam"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode and "pip install 'tfdeblur[beam]'" in done.stderr
