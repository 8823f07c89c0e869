"""Makes a model for `--model` of a network of somebody else."""

import datetime
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfdeblur.adopt.probe import probe_network
from tfdeblur.adopt.source import Source
from tfdeblur.adopt.sources import read_source
from tfdeblur.convert.model_folder import check_target, write_files, write_folder
from tfdeblur.errors import InvalidInput
from tfdeblur.restorers.adopted.description import (
    DESCRIPTION_FILE,
    GRAPH_FILE,
    ONNX_FILE,
    TOPS,
    Probe,
    to_json,
)
from tfdeblur.restorers.open import open_restorer

_MARKS, _GRAPHS = (DESCRIPTION_FILE,), (GRAPH_FILE, ONNX_FILE)


def adopt(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    output: str | None = None,
    top: int | None = None,
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Reads a network, finds out how it is called, and writes it as a folder.

    Args:
        source: a TensorFlow.js graph model, a SavedModel, a frozen graph or an ONNX file; it is
            only read.
        out: folder to write; new or empty.
        output: the tensor to take as the restored image; None: the finest result.
        top: 1 or 255, what white is for the network; None: it is found out.
        overwrite: bool; whether a folder that this function wrote may be replaced.
        progress: called with lines of text, also with what was found out.

    Returns:
        `out`, with graph.pb (of ONNX: graph.onnx), adopted.json, README.md and the licences that
        lay beside the source: all, or, after an error, nothing.

    Raises:
        InvalidInput: if an argument is none of the above.
        DataError: if the source is damaged, refused, or no restorer of images; or `out` cannot be
            written.
    """
    if top is not None and top not in TOPS:
        raise InvalidInput(f"`top` must be 1 or 255. Received: top={top!r}")
    tell = progress or (lambda line: None)
    check_target(out, overwrite, _MARKS, _GRAPHS)
    read = read_source(source, tell)
    wanted = read.outputs if output is None else [output]
    graph = read.graph.cut(wanted).checked(read.where)
    tell(f"{read.kind}: probing {graph.operators} operators")
    with graph.running(read.where) as running:
        probe = probe_network(running, read.outputs, output, top, tell)
    for line in probe.in_words():
        tell(f"  {line}")
    data = graph.cut([probe.output]).to_bytes()
    description = _description(read, os.fspath(source), data, probe)
    files = {
        **read.licences,
        graph.file: data,
        DESCRIPTION_FILE: (json.dumps(description, indent=2, ensure_ascii=False) + "\n").encode(),
        "README.md": _readme(description, probe).encode(),
    }

    def fill(folder: Path) -> None:
        write_files(folder, files)
        open_restorer(folder)  # what is written can be opened

    return write_folder(out, fill, overwrite, _MARKS, _GRAPHS)


def _description(read: Source, source: str, data: bytes, probe: Probe) -> dict[str, Any]:
    return {
        "source": Path(source).resolve().name,
        "format": read.kind,
        "sha256": dict(read.sha256),
        "licences": sorted(read.licences),
        "adopted": datetime.date.today().isoformat(),
        "graph_sha256": hashlib.sha256(data).hexdigest(),
        "probe": to_json(probe),
    }


def _readme(description: Mapping[str, Any], probe: Probe) -> str:
    texts = ", ".join(description["licences"])
    lines = [
        f"# {description['source']}",
        "",
        f"A network of somebody else, adopted as it is. Format: {description['format']}.",
        "",
        "    tfdeblur deblur photo.jpg --out restored/ --model THIS_FOLDER",
        "",
        "## What was found out",
        "",
        *(f"- {line}" for line in probe.in_words()),
        "",
        "## Licences",
        "",
        f"Found beside the source and copied: {texts}."
        if texts
        else "No licence was found beside the source: without one, nothing is allowed but by its "
        "authors' word.",
        "A licence of a package need not be that of the weights, nor of the photographs they were "
        "trained on.",
    ]
    return "\n".join(lines) + "\n"
