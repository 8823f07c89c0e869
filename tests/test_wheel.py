"""What `pip install tfdeblur` brings: the presets with everything that belongs to them."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.makers import pixels
from tests.helpers import picture

CHECKOUT = Path(__file__).parents[1]
LARGEST = 40e6  # bytes
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")

# Where every attempt to reach something else ends the process.
_SEALED = """
import os, socket, sys
def refuse(*arguments, **options):
    os._exit(99)
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
import tfdeblur
assert tfdeblur.__file__.startswith(os.environ["PYTHONPATH"]), tfdeblur.__file__
"""
# As the console script.
OFFLINE = f"""{_SEALED}
from tfdeblur.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
EACH_PRESET = f"""{_SEALED}
import numpy as np
from tfdeblur.models.shipped import shipped_presets
picture = np.linspace(0.2, 0.8, 16 * 24 * 3, dtype=np.float32).reshape(16, 24, 3)
for name in shipped_presets():
    restored = tfdeblur.Restorer.from_preset(name)(picture)
    assert restored.image.shape == picture.shape and not restored.degenerate, name
    print(name)
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built offline of a copy of this checkout, to which a small preset was added."""
    from tfdeblur.models.preset_files import save_preset
    from tfdeblur.networks import BiSkip

    folder = tmp_path_factory.mktemp("wheel")
    checkout = folder / "checkout"  # the build leaves folders of its own there
    checkout.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(CHECKOUT / name, checkout)
    for name in ("tfdeblur", "export", "tfds_builders"):
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / name, checkout / name, ignore=hidden)
    card = {"name": "tiny", "description": "For a test.", "licences": ["Apache-2.0"]}
    network = BiSkip(variant="S", width=0.06, norm="none")
    preset = checkout / "tfdeblur" / "weights" / "tiny"
    save_preset(network, preset, card, files=[CHECKOUT / "LICENSE"])
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder)
    run(*PIP, "wheel", *options, checkout)
    (built,) = folder.glob("tfdeblur-*.whl")
    return built, checkout


def test_all_presets_are_in_it(wheel):
    built, checkout = wheel
    weights = checkout / "tfdeblur" / "weights"
    ours = {str(p.relative_to(checkout)) for p in weights.rglob("*") if p.is_file()}
    assert {Path(name).name for name in ours} >= {
        *("network.json", "weights.npz", "card.json", "README.md", "LICENSE")
    }
    with zipfile.ZipFile(built) as archive:
        inside = archive.namelist()
    assert sorted(ours - set(inside)) == []
    assert any(name.endswith("NOTICE") for name in inside)


def test_it_is_not_too_large(wheel):
    assert wheel[0].stat().st_size <= LARGEST


def test_it_restores_in_an_empty_folder_without_network(wheel, tmp_path):
    built, _ = wheel
    target, here = tmp_path / "installed", tmp_path / "here"
    run(*PIP, "install", "--no-deps", "--no-index", "--quiet", "--target", target, built)
    here.mkdir()
    Image.fromarray(np.uint8(picture(30, 40) * 255)).save(tmp_path / "photo.png")
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    surroundings |= {"PYTHONPATH": str(target)}
    tfdeblur = (sys.executable, "-c", OFFLINE)
    listed = run(*tfdeblur, "presets", cwd=here, env=surroundings)
    assert "tiny" in listed and "For a test." in listed
    command = ("deblur", "../photo.png", "--out", ".", "--preset", "tiny")
    run(*tfdeblur, *command, cwd=here, env=surroundings)
    assert [path.name for path in here.iterdir()] == ["photo.png"]
    assert pixels(here / "photo.png").shape == (30, 40, 3)
    each = run(sys.executable, "-c", EACH_PRESET, cwd=here, env=surroundings)
    assert each.split() == ["biskip", "biskip-fast", "maxim", "maxim-gopro", "rpgan", "tiny"]
