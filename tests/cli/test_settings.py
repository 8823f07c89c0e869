"""What argparse read is looked at once: commands pass on frozen settings of their own."""

import argparse
import ast
import dataclasses
from pathlib import Path

import pytest

import tfdeblur.cli
from tfdeblur.cli.common import read_settings
from tfdeblur.cli.restoring import flag_of, restoring_options
from tfdeblur.restorers.options import RestoringOptions

CLI = Path(tfdeblur.cli.__file__).parent
# Functions that read: they return settings, or end with a usage error.
READERS = {
    *("read", "_read", "read_settings", "restoring_options", "settings_of", "base_of"),
    *("refuse_contradictions", "video_settings", "run_command", "show_help"),
}


def takes_arguments(function):
    annotations = [argument.annotation for argument in function.args.args]
    return any(note is not None and "Namespace" in ast.unparse(note) for note in annotations)


def test_nothing_below_the_command_line_knows_argparse():
    for package in (CLI.parent, CLI.parents[1] / "export"):
        for path in package.rglob("*.py"):
            if CLI not in path.parents:
                assert "import argparse" not in path.read_text(), path


def test_what_was_parsed_is_read_once():
    runs = 0
    for path in CLI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and takes_arguments(node):
                assert node.name in {"run", *READERS}, f"{path}: {node.name} is handed all options"
                runs += node.name == "run"
    assert runs >= 12


def test_settings_are_frozen():
    found = 0
    for path in CLI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Settings"):
                found += 1
                assert [ast.unparse(d) for d in node.decorator_list] == ["dataclass(frozen=True)"]
    assert found >= 12


def test_options_become_fields_of_their_names():
    @dataclasses.dataclass(frozen=True)
    class Settings:
        names: tuple[str, ...]
        count: int
        further: str

    arguments = argparse.Namespace(names=["a", "b"], count=3, other=None)
    assert read_settings(Settings, arguments, further="x") == Settings(("a", "b"), 3, "x")
    with pytest.raises(AttributeError, match="further"):
        read_settings(Settings, arguments)


def test_options_of_restoring():
    assert restoring_options(argparse.Namespace()) == RestoringOptions()
    arguments = argparse.Namespace(memory_budget=2, no_early_stop=True, beta=[1.0], tile=None)
    options = restoring_options(arguments, without=["beta"])
    assert options == RestoringOptions(memory_budget_bytes=2_000_000, early_stop=False)
    assert options.recorded() == {
        "tile": None,
        "precision": "auto",
        "memory_budget_bytes": 2_000_000,
    }
    flags = [flag_of(name) for name in options.given()]
    assert flags == ["--memory-budget", "--no-early-stop"]
