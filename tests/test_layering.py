"""Who may import whom (README, "Layout"), read off the syntax trees."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tfdeblur"

# Folder -> what of the package (and of tensorflow) it may import at module level or inside.
ALLOWED = {
    "networks": {"networks", "errors"},
    "losses": {"losses", "metrics", "networks", "errors"},
    "metrics": {"metrics", "errors"},
    "operators": {"operators", "errors", "tensorflow"},
    "solvers": {"solvers", "operators", "errors", "tensorflow"},
    "image": {"image", "errors", "tensorflow"},
    "data": {"data", "image", "operators", "errors", "tensorflow"},
    "training": {
        *{"training", "networks", "losses", "metrics", "data", "operators", "image"},
        *{"solvers", "config", "record", "errors", "tensorflow"},
    },
    "models": {"models", "networks", "restorers", "errors"},
    "restorers": {
        *{"restorers", "models", "files", "networks", "solvers", "operators", "image"},
        *{"errors", "tensorflow"},
    },
    "files": {"files", "restorers", "operators", "image", "errors"},
    "convert": {"convert", "networks", "models", "errors"},
    "evaluation": {
        *{"evaluation", "restorers", "files", "models", "networks", "metrics", "data", "image"},
        *{"operators", "errors", "tensorflow"},
    },
}


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
            if node.module == "tfdeblur":
                yield from (f"tfdeblur.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports(folder):
    files = sorted((PACKAGE / folder).rglob("*.py"))
    assert files
    for path in files:
        for name in imports_of(path):
            top, _, rest = name.partition(".")
            if top == "tensorflow":
                assert "tensorflow" in ALLOWED[folder], f"{path} imports {name}"
            if top == "tfdeblur" and rest and rest != "__version__":
                assert rest.split(".")[0] in ALLOWED[folder], f"{path} imports {name}"


def test_imports_of_the_tfds_builders():
    files = sorted((PACKAGE.parent / "tfds_builders").rglob("*.py"))
    assert files
    for path in files:
        for name in imports_of(path):
            top, _, rest = name.partition(".")
            assert top != "tensorflow", f"{path} imports {name}"
            if top == "tfdeblur":
                assert rest.split(".")[0] in {"data", "image", "errors"}, f"{path} imports {name}"


def test_importing_the_package_loads_no_framework():
    code = "import sys, tfdeblur; print({'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "set()", answer.stderr
