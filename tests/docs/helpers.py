"""The README and the pages of docs/: their code, their links, their headings."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "client/README.md", *sorted(DOCS.rglob("*.md"))]

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    [^\n]*\n)+", re.MULTILINE)
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")


def name_of(path):
    """How a test calls a page."""
    return str(path.relative_to(ROOT))


def blocks(text, *kinds):
    """Code of the fenced blocks of these kinds ("" is one without), in order."""
    return [code for _, kind, code in _FENCE.findall(text) if kind in kinds]


def prose(text):
    """The page without its blocks of code."""
    return _INDENTED.sub("\n", _FENCE.sub("\n", text))


def commands(text):
    """Command lines of `tfdeblur` in blocks of code; those that go on in a next line are joined."""
    code = "\n".join(blocks(text, "", "bash", "text"))
    code += "\n" + "\n".join(
        re.sub(r"^    ", "", block, flags=re.MULTILINE)
        for block in _INDENTED.findall(_FENCE.sub("\n", text))
    )
    lines = code.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip().startswith("tfdeblur ")]


def inline_code(text):
    """What stands between single backticks, lines joined."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(text))]


def links(text):
    """Targets of links and pictures."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(text)))


def anchors(text):
    """What `#...` of a link to this page may say: its headings, as site and GitHub write them."""
    headings = re.findall(r"^#+ +(.+)$", _FENCE.sub("\n", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings)
    return {re.sub(r"\s+", "-", heading) for heading in plain}
