"""What a user's own project sees: types of what `tfdeblur` and `export` hand out, by mypy."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
SCRIPT = """
import numpy as np
import tfdeblur
from export import DeblurClient

restorer = tfdeblur.Restorer.from_preset(tile=512)
reveal_type(restorer)
restored = restorer("photo.jpg", progress=True)
reveal_type(restored)
reveal_type(restored.image)
reveal_type(restorer(["a.jpg", np.zeros((4, 5, 3))]))
reveal_type(tfdeblur.Restorer.from_preset("runs/first", passes=2))
reveal_type(restored.save("sharp.jpg"))
reveal_type(DeblurClient("localhost:8500").deblur(np.zeros((4, 5, 3))).version)
"""
REVEALED = [
    "tfdeblur.restorers.network.Restorer",
    "tfdeblur.restorers.protocol.Restored",
    "numpy.ndarray",
    "list[tfdeblur.restorers.protocol.Restored]",
    "tfdeblur.restorers.network.Restorer | tfdeblur.restorers.passes.InPasses | "
    "tfdeblur.restorers.blind.restorer.BlindRestorer",
    "pathlib.Path",
    "int",
]
WRONG = """
import tfdeblur

tfdeblur.Restorer.from_preset("maxim", tiles=512)
tfdeblur.Restorer.from_preset("maxim", precision="half")
tfdeblur.Restorer.from_preset()(progress=3)
tfdeblur.Restorer.from_preset()("photo.jpg").pixels
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What mypy says of both scripts, outside of this checkout and without its settings."""
    pytest.importorskip("mypy", reason="mypy is not installed: pip install 'tfdeblur[dev]'")
    folder = tmp_path_factory.mktemp("project")
    # Only what says that it is typed may be looked at: packages, as pip leaves them.
    for name in ("tfdeblur", "export"):
        (folder / "site" / name).parent.mkdir(exist_ok=True)
        (folder / "site" / name).symlink_to(CHECKOUT / name)
    (folder / "right.py").write_text(SCRIPT)
    (folder / "wrong.py").write_text(WRONG)
    options = ("--config-file=", "--ignore-missing-imports", "--no-error-summary")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "right.py", "wrong.py"],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(folder / "site")},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("package", ["tfdeblur", "export"])
def test_they_say_that_they_are_typed(package):
    assert (CHECKOUT / package / "py.typed").is_file()
    assert f'"{package}": ["py.typed"' in (CHECKOUT / "setup.py").read_text()


def test_a_users_script_knows_what_it_gets(checked):
    found = [line for line in checked.splitlines() if line.startswith("right.py")]
    told = [line.split('Revealed type is "')[1] for line in found if "Revealed" in line]
    assert len(found) == len(REVEALED), checked
    for line, expected in zip(told, REVEALED, strict=True):
        assert line.replace("builtins.", "").startswith(expected), checked


def test_a_users_mistakes_are_found(checked):
    errors = re.findall(r"^wrong\.py:(\d+): error", checked, re.MULTILINE)
    assert set(errors) == {"4", "5", "6", "7"}, checked
