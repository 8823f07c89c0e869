"""Who may import whom (docs/explanation/layout.md), read off the syntax trees."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "tfdeblur"

# Folder -> what of the package (and of tensorflow) it may import at module level or inside.
ALLOWED = {
    "networks": {"networks", "processor", "errors"},
    "losses": {"losses", "metrics", "networks", "errors"},
    "metrics": {"metrics", "errors"},
    "operators": {"operators", "errors", "tensorflow"},
    "solvers": {"solvers", "operators", "errors", "tensorflow"},
    "image": {"image", "errors", "tensorflow"},
    "pictures": {"pictures", "errors"},
    "data": {"data", "image", "operators", "errors", "tensorflow"},
    "training": {
        *{"training", "networks", "losses", "metrics", "data", "operators", "image"},
        *{"pictures", "solvers", "models", "config", "record", "processor", "errors", "tensorflow"},
    },
    "models": {"models", "networks", "record", "errors"},
    "restorers": {
        *{"restorers", "models", "networks", "solvers", "operators", "image", "pictures"},
        *{"counter", "text", "processor", "whole", "errors", "tensorflow"},
    },
    "files": {"files", "restorers", "operators", "image", "pictures", "text", "errors"},
    "convert": {"convert", "networks", "models", "errors"},
    "adopt": {"adopt", "convert", "models", "restorers", "errors", "tensorflow"},
    "evaluation": {
        *{"evaluation", "restorers", "files", "models", "networks", "metrics", "data", "image"},
        *{"operators", "pictures", "processor", "text", "errors", "tensorflow"},
    },
}


# Rooms within rooms, and export: what of this project's own they may import, by its first names.
_COMMON = (
    *("tfdeblur.cli.common", "tfdeblur.cli.restoring", "tfdeblur.cli.subcommands"),
    *("tfdeblur.cli.short_help", "tfdeblur.cli.parser"),
    *("tfdeblur.counter", "tfdeblur.text"),
)
INNER = {
    "tfdeblur/restorers/blind": (
        *("tfdeblur.restorers.blind", "tfdeblur.restorers.graph", "tfdeblur.restorers.images"),
        *("tfdeblur.restorers.known_flow", "tfdeblur.restorers.protocol"),
        *("tfdeblur.restorers.calling", "tfdeblur.restorers.describing"),
        *("tfdeblur.restorers.reading", "tfdeblur.restorers.precision"),
        *("tfdeblur.restorers.kind", "tfdeblur.models"),
        *(
            "tfdeblur.restorers.tiled",
            "tfdeblur.restorers.memory",
            "tfdeblur.operators",
            "tfdeblur.solvers",
        ),
        *("tfdeblur.image", "tfdeblur.errors"),
    ),
    "tfdeblur/restorers/adopted": (
        *("tfdeblur.restorers.adopted", "tfdeblur.restorers.network", "tfdeblur.image"),
        "tfdeblur.errors",
    ),
    "tfdeblur/restorers/adopted/onnx": (
        *("tfdeblur.restorers.adopted.onnx", "tfdeblur.restorers.adopted.network"),
        "tfdeblur.restorers.adopted.description",
    ),
    "tfdeblur/adopt/onnx": (
        *("tfdeblur.adopt.onnx", "tfdeblur.adopt.source", "tfdeblur.adopt.running"),
        *("tfdeblur.restorers.adopted.onnx", "tfdeblur.restorers.adopted.description"),
        "tfdeblur.convert.package",
    ),
    "export/graph": (
        *("export.graph", "tfdeblur.restorers", "tfdeblur.operators", "tfdeblur.image"),
        *("tfdeblur.errors", "tfdeblur.__version__"),
    ),
    "export/client": (
        *("export.client", "export.messages", "export.status", "export.wire"),
        "tfdeblur.restorers.images",
        *("tfdeblur.restorers.protocol", "tfdeblur.restorers.calling", "tfdeblur.files"),
        *("tfdeblur.restorers.reading", "tfdeblur.image", "tfdeblur.errors"),
    ),
    "export/service": (
        *("export.service", "export.status", "export.wire", "tfdeblur.errors"),
        "tfdeblur.restorers.precision",
    ),
    "tfdeblur/cli/files": (
        *(*_COMMON, "tfdeblur.cli.files", "tfdeblur.files", "tfdeblur.text"),
        "tfdeblur.evaluation.page.gallery",
    ),
    "tfdeblur/cli/measuring": (*_COMMON, "tfdeblur.cli.measuring", "tfdeblur.data"),
    "tfdeblur/cli/deblur": (
        *(*_COMMON, "tfdeblur.cli.deblur", "tfdeblur.cli.files", "tfdeblur.models"),
        *("tfdeblur.restorers.kind", "tfdeblur.restorers.open", "tfdeblur.restorers.options"),
        *("tfdeblur.restorers.precision", "tfdeblur.files", "tfdeblur.beam"),
    ),
    "tfdeblur/beam": (
        *("tfdeblur.beam", "tfdeblur.files", "tfdeblur.models.shipped", "tfdeblur.errors"),
        *("tfdeblur.restorers.open", "tfdeblur.restorers.options", "export.client"),
    ),
    "tfdeblur/restorers/kinds": (*("tfdeblur.restorers", "tfdeblur.models", "tfdeblur.errors"),),
    "tfdeblur/cli/request": (
        *(*_COMMON, "tfdeblur.cli.request", "tfdeblur.cli.files", "tfdeblur.files"),
        "export.client",
    ),
    "tfdeblur/cli/experiment": (
        *(*_COMMON, "tfdeblur.cli.experiment", "tfdeblur.cli.measuring", "tfdeblur.cli.train"),
        *("tfdeblur.config", "tfdeblur.presets", "tfdeblur.record", "tfdeblur.losses"),
        *("tfdeblur.networks", "tfdeblur.restorers", "tfdeblur.evaluation", "tfdeblur.training"),
    ),
    "tfdeblur/cli/data": (
        *(*_COMMON, "tfdeblur.cli.data", "tfdeblur.cli.train", "tfdeblur.config"),
        *("tfdeblur.data", "tfdeblur.files", "tfdeblur.image", "tfdeblur.pictures"),
        *("tfdeblur.restorers", "tfds_builders"),
    ),
    "tfdeblur/cli/evaluate": (
        *(*_COMMON, "tfdeblur.cli.evaluate", "tfdeblur.cli.measuring", "tfdeblur.evaluation"),
        *("tfdeblur.models", "tfdeblur.restorers", "tfdeblur.data", "tfdeblur.networks"),
        *("tfdeblur.operators", "tfdeblur.training", "tfdeblur.image"),
    ),
    "tfdeblur/evaluation/scores": ("tfdeblur.evaluation.scores", "tfdeblur.pictures.saliency"),
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
                allowed = ALLOWED[folder] | {"limits", "near"}
                assert rest.split(".")[0] in allowed, f"{path} imports {name}"


@pytest.mark.parametrize("folder", INNER)
def test_imports_of_inner_rooms(folder):
    allowed = (*INNER[folder], "tfdeblur.errors", "tfdeblur.limits", "tfdeblur.near")
    files = sorted((CHECKOUT / folder).rglob("*.py"))
    assert files
    for path in files:
        for name in imports_of(path):
            if name.partition(".")[0] in ("tfdeblur", "export", "tfds_builders"):
                known = any(f"{name}.".startswith(f"{one}.") for one in allowed)
                assert known or name in ("tfdeblur", "export"), f"{path} imports {name}"


def modules():
    """Every module of the project -> those that it imports, at its top or inside."""
    files = [
        path
        for package in ("tfdeblur", "export", "tfds_builders")
        for path in sorted((CHECKOUT / package).rglob("*.py"))
    ]
    names = {}
    for path in files:
        parts = path.relative_to(CHECKOUT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found = {}
    for name, path in names.items():
        imported = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    imported.add(whole if whole in names else node.module)
        found[name] = {one for one in imported if one in names and one != name}
    return found


def test_no_module_imports_itself_through_others():
    """By leaves: a module that imports none of those left is no part of a circle."""
    left = modules()
    while leaves := [name for name, imported in left.items() if not imported & left.keys()]:
        for name in leaves:
            del left[name]
    assert left == {}, f"within or above a circle: {sorted(left)}"


def test_imports_of_the_tfds_builders():
    files = sorted((PACKAGE.parent / "tfds_builders").rglob("*.py"))
    assert files
    for path in files:
        for name in imports_of(path):
            top, _, rest = name.partition(".")
            assert top != "tensorflow", f"{path} imports {name}"
            if top == "tfdeblur":
                assert rest.split(".")[0] in {"data", "image", "errors", "limits"}, (
                    f"{path} imports {name}"
                )


def test_the_limits_import_nothing():
    """Clients and readers of pictures take theirs from there, without any framework."""
    assert list(imports_of(PACKAGE / "limits.py")) == []


def test_importing_the_package_loads_no_framework():
    code = "import sys, tfdeblur; print({'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "set()", answer.stderr
