"""Pages of docs/ and the README: every link leads somewhere, every command line parses."""

import argparse
import re
import shlex

import pytest

import tfdeblur
from tests.docs.helpers import (
    DOCS,
    PAGES,
    ROOT,
    anchors,
    commands,
    inline_code,
    links,
    name_of,
)
from tfdeblur.cli.main import build_parser

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)
PARSER = build_parser()
COMMANDS = [(page, line) for page in PAGES for line in commands(page.read_text("utf-8"))]


@every_page
def test_links_lead_somewhere(page):
    for link in links(page.read_text("utf-8")):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{link}: no such file"
        if DOCS in page.parents:  # the site holds nothing else
            assert DOCS in target.parents, f"{link} lies outside of the site"
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), f"{link}: no such heading"


def test_the_contents_of_the_site_are_all_pages():
    yaml = pytest.importorskip("yaml", reason="needs pyyaml to read mkdocs.yml")
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]

    def listed(entry):
        if isinstance(entry, str):
            return [entry]
        values = entry.values() if isinstance(entry, dict) else entry
        return [page for value in values for page in listed(value)]

    found = listed(nav)
    assert sorted(found) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_there_are_commands_of_each_kind():
    called = {shlex.split(line, comments=True)[1] for _, line in COMMANDS}
    assert called - {"--version"} == set(leaves_of(PARSER))


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=lambda value: str(value)[-60:])
def test_command_lines_parse(page, line, capsys):
    line = re.sub(r"\[(--[^\]]+)\]", r"\1", line)  # what may be left out
    words = shlex.split(line, comments=True)
    assert words[0] == "tfdeblur"
    try:
        PARSER.parse_args(words[1:])
    except SystemExit as end:
        if end.code == 0:  # --version
            return
        pytest.fail(f"{name_of(page)}: {line}\n{capsys.readouterr().err}")


@every_page
def test_commands_within_text_have_their_options(page):
    for code in inline_code(page.read_text("utf-8")):
        if code.startswith("tfdeblur "):
            _check_words(code)


def _check_words(code):
    words = [word.partition("=")[0] for word in code.split()[1:]]
    parser = PARSER
    while words and (names := leaves_of(parser)) and not words[0].startswith("-"):
        name = words.pop(0)
        if name in ("...", "COMMAND"):
            return
        assert name in names, f"{code}: no such command"
        parser = names[name]
    for word in words:
        if word.startswith("--"):
            assert word in parser._option_string_actions, f"{code}: no such option"


@every_page
def test_options_within_text_are_those_of_a_command(page):
    known = {option for parser in all_parsers(PARSER) for option in parser._option_string_actions}
    for path in (*(ROOT / "benchmarks").glob("*.py"), ROOT / "export/graph/serving_config.py"):
        known |= set(re.findall(r"--\w[\w-]*", path.read_text("utf-8")))
    for code in inline_code(page.read_text("utf-8")):
        if found := re.match(r"--\w[\w-]*", code):
            assert found[0] in known, f"{code}: no command has such an option"


def leaves_of(parser):
    """Commands below a parser, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def all_parsers(parser):
    yield parser
    for below in leaves_of(parser).values():
        yield from all_parsers(below)


def test_the_papers_are_those_to_be_cited():
    yaml = pytest.importorskip("yaml", reason="needs pyyaml to read CITATION.cff")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["cff-version"] == "1.2.0" and cited["version"] == tfdeblur.__version__
    papers = (ROOT / "README.md").read_text("utf-8").partition("## Papers")[2]
    numbers = re.findall(r"https://arxiv.org/abs/[\d.]+", papers)
    assert [one["url"] for one in cited["references"]] == numbers and len(numbers) == 4
    for one in cited["references"]:
        assert one["title"] in " ".join(papers.split()) and one["authors"] and one["year"]
