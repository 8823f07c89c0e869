"""The page that comparisons and galleries share, put together of its files."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

_LINES_SHOWN = 200


def whole_page(
    *,
    title: str,
    summary: str,
    above: str,
    places: str,
    data: Mapping[str, Any],
    scripts: Sequence[str],
) -> str:
    """The page, complete but for its pictures.

    Args:
        title, summary, places: text: its name, the line below, the head above the places.
        above: HTML, what comes before the pictures.
        data: what page.js shows.
        scripts: names of the files of JavaScript, in order.
    """
    return filled(
        "page.html",
        TITLE=escape(title),
        CSS=_own("page.css"),
        SUMMARY=escape(summary),
        ABOVE=above,
        PLACES=escape(places),
        DATA=_json(data),
        JS="".join(_own(name) for name in scripts),
    )


def filled(name: str, **parts: str) -> str:
    """A template of this folder with HTML in the places of its names.

    One pass over it: what is put in is never looked into again.
    """
    pieces = _own(name).split("@@")
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def listed(head: str, lines: Sequence[tuple[str, str]]) -> str:
    """HTML: what went wrong, (who, what) for each; "" of nothing."""
    if not lines:
        return ""
    items = [f"<li><b>{escape(who)}</b> {escape(what)}</li>" for who, what in lines[:_LINES_SHOWN]]
    if len(lines) > _LINES_SHOWN:
        items.append(f"<li>and {len(lines) - _LINES_SHOWN} more, which the JSON file names</li>")
    return (
        f'<section aria-labelledby="bad"><h2 id="bad">{escape(head)}: {len(lines)}</h2>'
        f'<ul class="bad">{"".join(items)}</ul></section>'
    )


def _own(name: str) -> str:
    return files("tfdeblur.evaluation.page").joinpath(name).read_text("utf-8")


def _json(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")  # no name may end the script element
