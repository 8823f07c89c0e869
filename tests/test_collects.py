"""Every test file holds at least one test: a misnamed one would silently never run."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.mark.parametrize(
    "path", sorted(TESTS.rglob("*.py")), ids=lambda p: str(p.relative_to(TESTS))
)
def test_file_is_collected(path):
    if path.name in ("helpers.py", "makers.py", "conftest.py", "__init__.py"):
        return
    if path.parent.name == "fuzz" and not path.name.startswith("test_"):
        return  # `python -m tests.fuzz`, of which test_fuzz.py runs a part
    assert path.name.startswith("test_"), "pytest collects test_*.py only"
    names = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    assert any(name.startswith(("test_", "Test")) or name.endswith("Test") for name in names)
