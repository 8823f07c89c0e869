"""The site of docs/ builds without a warning, and its reference holds the public names."""

import importlib
import inspect
import re
import subprocess
import sys

import pytest

from tests.docs.helpers import DOCS, ROOT

REFERENCE = sorted((DOCS / "reference").glob("*.md"))
PACKAGES = (
    *("tfdeblur", "tfdeblur.networks", "tfdeblur.operators", "tfdeblur.solvers"),
    *("tfdeblur.losses", "tfdeblur.metrics", "tfdeblur.data", "tfdeblur.evaluation", "export"),
)
# What other functions of the public interface return, or a protocol's official procedure.
BESIDES = {
    "tfdeblur.restorers.blind.restorer.BlindRestorer",
    "tfdeblur.evaluation.kohler.score_image",
}


def test_the_reference_holds_all_public_names_and_no_others():
    listed = [
        path
        for page in REFERENCE
        for path in re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.MULTILINE)
    ]
    public = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        found = [getattr(module, name) for name in module.__all__]
        kinds = [one for one in found if inspect.isclass(one) or inspect.isfunction(one)]
        public |= {f"{one.__module__}.{one.__qualname__}" for one in kinds}
    assert len(listed) == len(set(listed))
    assert set(listed) == public | BESIDES


def test_a_strict_build(tmp_path):
    why = "needs mkdocs-material and mkdocstrings: pip install 'tfdeblur[docs]'"
    pytest.importorskip("material", reason=why)
    pytest.importorskip("mkdocstrings", reason=why)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "reference/physics.html").read_text("utf-8")
    assert 'id="tfdeblur.operators.motion_blur.MotionBlur"' in page
    assert "pixels over the exposure" in page  # of its docstring
    for file in ("deploy/kubernetes.yaml", "notebooks/first_photograph.ipynb", "before_after.jpg"):
        assert (tmp_path / file).is_file()
    assert not re.search(r'(?:src|href)="https?://[^"]*\.(?:js|css|woff2?)"', page)
