"""The flow protocol of `tfdeblur evaluate`: the flows that a SEN estimates, against true ones."""

import argparse
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import above_zero
from tfdeblur.cli.measuring.data import split_asked, split_taken
from tfdeblur.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

    from tfdeblur.evaluation.flow_report import FlowReport

PROTOCOL = "flow"
_BLUR = ("blur_law", "blur_extent", "blur_strength")
_RESTORING = {
    **{"tile": None, "memory_budget": None, "self_ensemble": False},
    **{"passes": None, "levels": None, "no_early_stop": False},
}


def add_blur_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of photographs that are blurred to be measured on."""
    group = parser.add_argument_group(
        "blurring photographs (protocol flow, where --data is a folder of sharp photographs)"
    )
    group.add_argument(
        "--blur-law",
        choices=("gong2018", "physical"),
        help="of the motions: as in the published data, or as a camera turns and zooms "
        "(default: gong2018)",
    )
    group.add_argument(
        "--blur-extent",
        type=above_zero,
        metavar="PIXELS",
        help="ceiling on the motions across and down (default: 23)",
    )
    group.add_argument(
        "--blur-strength", choices=("strong", "mild"), help="range of motions (default: strong)"
    )


def is_wanted(arguments: argparse.Namespace) -> bool:
    """Whether flows are to be measured: asked for, or by what the model is.

    Raises:
        InvalidInput: if the protocol, the model and the options do not go together.
    """
    sen, alone = find_sen(arguments.model)
    wanted = arguments.protocol == PROTOCOL or (arguments.protocol is None and alone)
    if wanted and sen is None:
        raise InvalidInput(
            "`--protocol flow` measures the motion flow that a SEN estimates: `--model` must be a "
            "run folder that holds sen.keras, or a .keras file of a SEN. "
            f"Received: --model {arguments.model}"
        )
    if alone and not wanted:
        raise InvalidInput(
            "`--protocol gopro` measures restored images: `--model` must be a network that "
            f"restores. Received: --model {arguments.model}, a SEN, which estimates motion. Leave "
            "--protocol out, or take --protocol flow."
        )
    given = [name for name in _BLUR if getattr(arguments, name) is not None]
    others = [name for name, unset in _RESTORING.items() if getattr(arguments, name) != unset]
    for names, refused, what in (
        (given, not wanted, "blurs photographs to measure a SEN on them (--protocol flow)"),
        (others, wanted, "is for restoring images; a SEN sees whole images, once"),
    ):
        if names and refused:
            raise InvalidInput(f"`{_option(names[0])}` {what}. Leave it out.")
    return wanted


def find_sen(model: str) -> tuple[Path | None, bool]:
    """The file of the SEN behind a name, and whether there is no network beside it.

    Args:
        model: preset, folder of a run, or file.

    Returns:
        The path or None, and True where the model is a SEN and nothing else: RP-GAN's folder
        holds a SEN as well.
    """
    from tfdeblur.models.load import GENERATOR_FILE, SEN_FILE
    from tfdeblur.models.shipped import shipped_folder

    path = Path(model).expanduser()
    folder = shipped_folder(model) or path
    if (folder / SEN_FILE).is_file():
        return folder / SEN_FILE, not (folder / GENERATOR_FILE).is_file()
    return (path, True) if _is_sen_file(path) else (None, False)


def _is_sen_file(path: Path) -> bool:
    """Whether a .keras file says that it is a SEN; looked up without loading a framework."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json")).get("registered_name") == "tfdeblur>SEN"
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile):
        return False  # whatever it is, it is refused or loaded as what else it may be


def measure(
    arguments: argparse.Namespace, on_progress: Callable[["FlowReport"], None]
) -> "FlowReport":
    """Opens the data, then the model, and measures the flows.

    Raises:
        DataError: if data or model are missing or broken.
        InvalidInput: if photographs' options are given for data that have flows.
    """
    from tfdeblur.data.blur_source import RandomBlur
    from tfdeblur.data.flow_sources import holds_photographs, open_flow_source
    from tfdeblur.evaluation.flow import evaluate_flows
    from tfdeblur.evaluation.gopro import make_folder
    from tfdeblur.restorers.graph import arithmetic, inference_function

    photographs = holds_photographs(arguments.data)
    blur = _blur_settings(arguments, photographs)
    split = None if photographs else split_asked(arguments)
    source = open_flow_source(
        arguments.data,
        split,
        RandomBlur(*blur.values()) if photographs else None,
        arguments.only,
        arguments.exclude,
        cache_bytes=0,
    )
    panels = arguments.panels
    if panels is not None:
        make_folder(panels)
    estimate = inference_function(_load_sen(arguments.model))
    with arithmetic(arguments.precision):
        return evaluate_flows(
            estimate,
            source,
            on_progress,
            limit=arguments.limit,
            data=arguments.data,
            model=arguments.model,
            split=split_taken(arguments.data, split),
            settings={"protocol": PROTOCOL, "precision": arguments.precision, **blur},
            on_estimate=None if panels is None else lambda *found: _write_panel(panels, *found),
        )


def so_far(report: "FlowReport") -> str:
    """The mean error, for the line of progress."""
    return f"{report.mean('flow_mse'):.2f} px^2"


def _blur_settings(arguments: argparse.Namespace, photographs: bool) -> dict[str, Any]:
    given = {name: getattr(arguments, name) for name in _BLUR}
    if photographs:
        defaults = dict(zip(_BLUR, ("gong2018", 23.0, "strong"), strict=True))
        return {name: defaults[name] if given[name] is None else given[name] for name in _BLUR}
    for name, value in given.items():
        if value is not None:
            raise InvalidInput(
                f"`{_option(name)}` is for photographs, which are blurred to be measured on. "
                f"Received: {_option(name)} {value} and --data {arguments.data}, which is blurred "
                "already."
            )
    return {}


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _load_sen(model: str) -> Any:
    from tfdeblur.networks import SEN
    from tfdeblur.training.initial import load_network

    path, _ = find_sen(model)
    return load_network(path, SEN, "--model")


def _write_panel(
    folder: Path, name: str, blurred: "np.ndarray", estimated: "np.ndarray", true: "np.ndarray"
) -> None:
    """Writes blurred | estimated | true | error as `folder/NAME.png`, whole pixels."""
    import cv2
    import numpy as np

    from tfdeblur.evaluation.gopro import write_panel
    from tfdeblur.operators import flow_to_color

    estimated = np.nan_to_num(estimated, nan=0.0, posinf=0.0, neginf=0.0)
    longest = max(1.0, float(np.hypot(true[..., 0], true[..., 1]).max()))
    distance = np.minimum(*(np.linalg.norm(true - sign * estimated, axis=-1) for sign in (1, -1)))
    levels = np.round(255 * np.minimum(distance / longest, 1)).astype(np.uint8)
    error = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1]
    flows = [flow_to_color(flow, longest) for flow in (estimated, true)]
    write_panel(folder, name, blurred, np.concatenate(flows, axis=1), error)
