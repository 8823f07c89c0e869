"""Which folders a run may begin in, and which it may go on in."""

import json

import pytest

from tfdeblur.config import override, to_json
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.presets import preset
from tfdeblur.training.run_folder import check_folder, left_as_found

PRESETS = {"biskip": "small", "maxim": "maxim-small", "sen": "sen-small", "rpgan": "rpgan-small"}
NETWORKS = [
    *((model, name) for model in PRESETS for name in ("last.keras", "generator.keras")),
    ("sen", "sen.keras"),
]
NETWORKS.remove(("sen", "generator.keras"))  # a run of SEN writes none


def begun(folder, model="biskip"):
    """A run folder as when its record was written; its settings."""
    folder.mkdir(exist_ok=True)
    config = override(preset(PRESETS[model]), {"data.train": "pairs"})
    (folder / "run.json").write_text(json.dumps({"config": to_json(config)}))
    (folder / "history.csv").touch()  # opened as training begins
    return config


@pytest.mark.parametrize("emptied", [False, True])
@pytest.mark.parametrize(("model", "name"), NETWORKS)
def test_a_trained_network_without_backups_is_never_begun_anew(tmp_path, model, name, emptied):
    config = begun(tmp_path / "run", model)
    (tmp_path / "run" / name).write_bytes(b"trained")
    if emptied:
        (tmp_path / "run" / "backup" / ".new-123").mkdir(parents=True)
    init = tmp_path / "run" / ("last.keras" if name == "last.keras" else "")
    with pytest.raises(DataError) as told:
        check_folder(config, tmp_path / "run", resume=True)
    assert f"holds {name} and no backup in {tmp_path / 'run' / 'backup'}. Put that" in str(
        told.value
    )
    assert str(told.value).endswith(f": --run NEW --init {init}.")


def test_epochs_in_the_history_are_done(tmp_path):
    config = begun(tmp_path / "run")
    (tmp_path / "run" / "history.csv").write_text("epoch,loss\n0,1.5\n1,1.25\n")
    with pytest.raises(DataError, match=r"2 epochs in history.csv and no .* Put that .* back\.$"):
        check_folder(config, tmp_path / "run", resume=True)


@pytest.mark.parametrize("model", PRESETS)
@pytest.mark.parametrize("history", [None, "", "epoch,loss\n"])
def test_what_was_stopped_before_its_first_backup_begins(tmp_path, caplog, model, history):
    config = begun(tmp_path / "run", model)
    (tmp_path / "run" / "history.csv").unlink()
    if history is not None:
        (tmp_path / "run" / "history.csv").write_text(history)
    if model == "rpgan":  # it is copied before training begins
        (tmp_path / "run" / "sen.keras").write_bytes(b"given")
    with caplog.at_level("INFO"):
        record, found = check_folder(config, tmp_path / "run", resume=True)
    assert record["config"] == to_json(found) and found == config
    assert "No backup in" in caplog.text


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_other_things_is_no_run_folder(tmp_path, resume):
    album = tmp_path / "album"
    album.mkdir()
    config = override(preset("small"), {"data.train": "pairs"})
    (album / ".DS_Store").touch()
    assert check_folder(config, album, resume) == ({}, config)
    for name in ("b.jpg", "a.jpg"):
        (album / name).write_bytes(b"picture")
    with pytest.raises(InvalidInput, match=f"Received: {album}, which holds a.jpg and 1 more, and"):
        check_folder(config, album, resume)
    with pytest.raises(InvalidInput, match=f"a folder. Received: {album / 'a.jpg'}, which is a"):
        check_folder(config, album / "a.jpg", resume)


def test_what_was_put_into_a_folder_before_the_record_goes_with_the_run(tmp_path):
    """So that the corrected command is taken."""
    for folder, given in ((tmp_path / "new", None), (tmp_path / "kept", "sen.keras")):
        if given:
            folder.mkdir()
            (folder / given).touch()
        with pytest.raises(DataError), left_as_found(folder):
            folder.mkdir(exist_ok=True)
            for name in ("sen.keras", "pipeline.json"):
                (folder / name).touch()
            raise DataError
        left = [path.name for path in folder.iterdir()] if folder.is_dir() else None
        assert left == ([given] if given else None)
    with left_as_found(tmp_path / "begun"):
        begun(tmp_path / "begun")
        (tmp_path / "begun" / "sen.keras").touch()
    assert (tmp_path / "begun" / "sen.keras").is_file()


def test_workers_of_one_run_share_a_folder(tmp_path):
    """The first one has put the SEN there when the second one looks."""
    (tmp_path / "sen.keras").touch()
    for model in PRESETS:
        config = override(preset(PRESETS[model]), {"data.train": "pairs"})
        if model == "rpgan":
            assert check_folder(config, tmp_path, resume=False) == ({}, config)
            continue
        with pytest.raises(InvalidInput, match="which holds sen.keras, and no run.json"):
            check_folder(config, tmp_path, resume=False)
