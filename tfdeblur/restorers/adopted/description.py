"""What was found out about a network of others: `adopted.json` (standard library only)."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfdeblur import limits
from tfdeblur.errors import DataError

DESCRIPTION_FILE = "adopted.json"
GRAPH_FILE = "graph.pb"
ONNX_FILE = "graph.onnx"
TOPS = (1, 255)


@dataclass(frozen=True)
class Probe:
    """How a graph is called.

    Attributes:
        input, output: names of tensors, float32 `(batch, height, width, 3)`.
        channels_first: whether both are `(batch, 3, height, width)` instead.
        top: what white is: 1 or 255, of input and output alike.
        multiple: pixels that height and width must be a multiple of; 1: any.
        fixed: height and width where it takes only these; None: any multiple.
        batches: whether it takes several images at once, and each as if it were alone.
        largest_bytes: of its largest tensor, bytes per pixel of the input, in float32.
    """

    input: str
    output: str
    top: int
    multiple: int
    fixed: tuple[int, int] | None
    batches: bool
    largest_bytes: float
    channels_first: bool = False

    def in_words(self) -> list[str]:
        """For people, a line each."""
        sizes = (
            f"one size only, {self.fixed[1]}x{self.fixed[0]}: larger images are restored in tiles"
            if self.fixed
            else "any size"
            if self.multiple == 1
            else f"heights and widths that are multiples of {self.multiple}: others are padded"
        )
        order = ", channels first" if self.channels_first else ""
        return [
            f"takes {self.input}: RGB{order}, levels from 0 to {self.top}",
            f"takes {sizes}",
            f"gives {self.output}: an image of the same size",
            "takes several images at once" if self.batches else "takes one image at a time",
        ]


def to_json(probe: Probe) -> dict[str, Any]:
    """As `from_json` takes it."""
    return dataclasses.asdict(probe)


def from_json(value: Any, where: str) -> Probe:
    """The probe of a description.

    Raises:
        DataError: if it is none: the file may come from anywhere.
    """
    found = value if isinstance(value, dict) else {}
    fixed = found.get("fixed")
    sides = [found.get("multiple"), *(fixed if isinstance(fixed, list) else ())]
    names = [found.get("input"), found.get("output")]
    largest = found.get("largest_bytes")
    good = (
        all(isinstance(name, str) and name for name in names)
        and all(type(side) is int and 1 <= side <= limits.MOST_PIXELS_OF_A_SIDE for side in sides)
        and (fixed is None or len(sides) == 3)
        and found.get("top") in TOPS
        and isinstance(found.get("batches"), bool)
        and isinstance(found.get("channels_first", False), bool)
        and isinstance(largest, int | float)
        and 0 < largest < 1e9
    )
    if not good:
        raise DataError(
            f"{where} is damaged: `probe` must be as `tfdeblur adopt` writes it. "
            f"Received: {value!r:.300}"
        )
    return Probe(
        input=found["input"],
        output=found["output"],
        top=found["top"],
        multiple=found["multiple"],
        fixed=None if fixed is None else (fixed[0], fixed[1]),
        batches=found["batches"],
        largest_bytes=float(found["largest_bytes"]),
        channels_first=found.get("channels_first", False),
    )


def read_description(folder: Path) -> dict[str, Any]:
    """What `adopted.json` of a folder holds.

    Raises:
        DataError: if it cannot be read, or is no JSON object.
    """
    path = folder / DESCRIPTION_FILE
    try:
        if path.stat().st_size > limits.MOST_BYTES_OF_A_TEXT:
            raise DataError(
                f"{path} is refused, it has more than {limits.MOST_BYTES_OF_A_TEXT} bytes."
            )
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged, it is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} is damaged: it must be an object. Received: {found!r:.100}")
    return found


def read_graph(folder: Path, name: str) -> tuple[bytes, Probe]:
    """The graph of a folder that `tfdeblur adopt` wrote, and how it is called.

    Args:
        folder: it holds `adopted.json`.
        name: `GRAPH_FILE` or `ONNX_FILE`.

    Raises:
        DataError: if a file is missing, damaged, or another than was written.
    """
    found = read_description(folder)
    where = str(folder / DESCRIPTION_FILE)
    probe = from_json(found.get("probe"), where)
    path = folder / name
    try:
        if path.stat().st_size > limits.LARGEST_MESSAGE:
            raise DataError(f"{path} is refused, it has more than 2 GiB.")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != found.get("graph_sha256"):
        raise DataError(
            f"{path} is not the graph that {where} describes (another SHA-256): it is damaged or "
            "was changed. Adopt the network again: `tfdeblur adopt --help`."
        )
    return data, probe
