"""Another project: an environment of its own, `pip install` and `tfds.load`."""

import json
import shutil
import tarfile

import pytest

from tests.tfds_builders.helpers import CHECKOUT, new_environment
from tests.tfds_builders.makers import write_gopro, write_photographs

pytestmark = pytest.mark.slow

PROJECT = """
import json
import sys

import tensorflow_datasets as tfds
import tfds_builders

found = {"where": tfds_builders.__file__}
for name, manual_dir in (argument.split("=") for argument in sys.argv[2:]):
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    data, info = tfds.load(
        name,
        split="train",
        data_dir=sys.argv[1],
        as_supervised=True,
        with_info=True,
        download_and_prepare_kwargs={"download_config": config},
    )
    found[name] = [
        [blurred.shape.as_list(), sharp.shape.as_list(), str(blurred.dtype)]
        for blurred, sharp in data
    ]
    assert info.description and info.citation
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    lock = (CHECKOUT / "requirements.lock").read_text().splitlines()
    yield folder, new_environment(folder, "data", lock)
    shutil.rmtree(folder)  # an environment takes 3 GB, and pytest keeps three runs


def test_two_data_sets_are_built_and_loaded(project):
    folder, run = project
    write_gopro(folder / "gopro")
    write_photographs(folder / "photographs", 2)
    (folder / "project.py").write_text(PROJECT)
    sets = [
        f"gopro_large/blur={folder / 'gopro'}",
        f"motion_flow/mscoco_23={folder / 'photographs'}",
    ]
    found = json.loads(run("python", "project.py", folder / "data", *sets).splitlines()[-1])
    assert str(folder / "env") in found["where"]
    assert found["gopro_large/blur"] == [[[16, 24, 3], [16, 24, 3], "<dtype: 'uint8'>"]] * 2
    examples = found["motion_flow/mscoco_23"]
    assert len(examples) == 10
    for blurred, sharp, _ in examples:
        assert blurred == sharp
        assert 64 - 22 <= blurred[0] <= 64 and 72 - 22 <= blurred[1] <= 72


def test_all_files_of_the_builders_are_shipped(project):
    folder, run = project
    ours = {
        str(path.relative_to(CHECKOUT))
        for path in (CHECKOUT / "tfds_builders").rglob("*.*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert any(path.endswith("dummy_data/motion_flow/photo-0.jpg") for path in ours)
    installed = next((folder / "env" / "lib").glob("python*/site-packages"))
    assert [path for path in sorted(ours) if not (installed / path).exists()] == []
    run("python", "-m", "pip", "install", "--quiet", "setuptools", "wheel")
    code = "import os; os.chdir('checkout'); from setuptools import build_meta as b; "
    run("python", "-c", code + "b.build_sdist('..')")
    (archive,) = folder.glob("tfdeblur-*.tar.gz")
    with tarfile.open(archive) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}
    assert sorted(ours - inside) == []
