"""The distribution `client/`, built and alone: what it lacks is said as an error of tfdeblur."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.export.client.test_light import ALONE
from tests.export.makers import Fake, negative, serving

CHECKOUT = Path(__file__).parents[3]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
INSTALL = "pip uninstall tfdeblur-client, then pip install ."
EDITABLE = """
# A checkout that is installed for editing would fill the gaps.
sys.meta_path[:] = [one for one in sys.meta_path if "editable" not in repr(one)]
"""
USE = """
import numpy as np
import export, tfdeblur
from tfdeblur.errors import NotInstalled, TfdeblurError

assert tfdeblur.__file__.startswith(sys.argv[2]), tfdeblur.__file__
image = np.arange(60, dtype="uint8").reshape(4, 5, 3)
with export.DeblurClient(sys.argv[1]) as client:
    restored = client.deblur(image)
assert np.array_equal(restored.image, 255 - image)
assert isinstance(restored, tfdeblur.Restored)
for name, use in {
    "save": lambda: restored.save("x.png"),
    "compare": restored.compare,
    "show": restored.show,
    "tfdeblur.Restorer": lambda: tfdeblur.Restorer,
    "tfdeblur.TrainConfig": lambda: tfdeblur.TrainConfig,
    "export.LocalService": lambda: export.LocalService,
    "export.export_model": lambda: export.export_model,
}.items():
    try:
        use()
    except TfdeblurError as error:
        assert isinstance(error, NotInstalled) and isinstance(error, ImportError), name
        print(error)
assert restored._repr_png_() is None  # notebooks show the line of `repr` then
try:
    from tfdeblur import Restorer
except ImportError as error:
    print(error)
"""
TURN = """
from pathlib import Path
from export.client.turns import held_as

png = Path("answer.png").read_bytes()
turned = held_as(png, Path("phone.jpg").read_bytes())
assert len(turned) > len(png) and b"eXIf" in turned
"""
SAID = "`{}` belongs to the whole of tfdeblur; installed is its client alone. "


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what `pip install ./client` brings."""
    folder = tmp_path_factory.mktemp("client")
    for name in ("client", "tfdeblur", "export"):  # the build leaves folders of its own there
        hidden = shutil.ignore_patterns("__pycache__", "weights", "build", "*.egg-info")
        shutil.copytree(CHECKOUT / name, folder / "checkout" / name, ignore=hidden)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target")
    command = (*PIP, "install", *options, folder / "site", folder / "checkout" / "client")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return folder / "site"


def run(installed, folder, code, *arguments):
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    surroundings |= {"PYTHONPATH": str(installed)}
    command = (sys.executable, "-W", "error", "-c", ALONE + EDITABLE + code, *arguments)
    options = {"capture_output": True, "text": True}
    done = subprocess.run(command, cwd=folder, env=surroundings, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_it_lacks_is_said_with_what_to_install(installed, tmp_path):
    with serving(Fake(negative)) as target:
        lines = run(installed, tmp_path, USE, target, str(installed))
    names = ["save", "compare", "show", "tfdeblur.Restorer", "tfdeblur.TrainConfig"]
    names += ["export.LocalService", "export.export_model", "tfdeblur.Restorer"]
    for line, name in zip(lines, names, strict=True):
        assert line.startswith(SAID.format(name)) and INSTALL in line


def test_the_turn_of_a_phone_s_jpeg_with_further_pictures(installed, tmp_path):
    picture, exif = Image.new("RGB", (8, 6)), Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "answer.png")
    picture.save(tmp_path / "phone.jpg", exif=exif)
    photo = (tmp_path / "phone.jpg").read_bytes()
    table = b"MPF\0" + bytes(16)  # whose pictures are counted by Pillow where it is there
    segment = b"\xff\xe2" + (len(table) + 2).to_bytes(2, "big") + table
    place = photo.index(b"\xff\xdb")  # before the quantisation tables
    (tmp_path / "phone.jpg").write_bytes(photo[:place] + segment + photo[place:])
    run(installed, tmp_path, TURN)
