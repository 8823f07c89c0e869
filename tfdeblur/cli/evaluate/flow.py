"""The flow protocol of `tfdeblur evaluate`: the flows that a SEN estimates, against true ones."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfdeblur.cli.common import PREPARING, tell_on_terminal
from tfdeblur.cli.evaluate.settings import EvaluateSettings
from tfdeblur.cli.measuring.data import split_taken
from tfdeblur.cli.restoring import flag_of
from tfdeblur.errors import InvalidInput
from tfdeblur.models.load import find_sen
from tfdeblur.restorers.options import RestoringOptions

if TYPE_CHECKING:
    import numpy as np

    from tfdeblur.evaluation.flow_report import FlowReport

PROTOCOL = "flow"
_DEFAULT_BLUR = {"blur_law": "gong2018", "blur_extent": 23.0, "blur_strength": "strong"}


def is_wanted(settings: EvaluateSettings) -> bool:
    """Whether flows are to be measured: asked for, or by what the model is.

    Raises:
        InvalidInput: if the protocol, the model and the options do not go together.
    """
    sen, alone = find_sen(settings.model)
    wanted = settings.protocol == PROTOCOL or (settings.protocol is None and alone)
    if wanted and sen is None:
        raise InvalidInput(
            "`--protocol flow` measures the motion flow that a SEN estimates: `--model` must be a "
            "run folder that holds sen.keras, or a .keras file of a SEN. "
            f"Received: --model {settings.model}"
        )
    if alone and not wanted:
        raise InvalidInput(
            "`--protocol gopro` measures restored images: `--model` must be a network that "
            f"restores. Received: --model {settings.model}, a SEN, which estimates motion. Leave "
            "--protocol out, or take --protocol flow."
        )
    given = list(settings.blur.given())
    # Networks are run in its arithmetic, whatever they are for.
    unset = asdict(RestoringOptions(precision=settings.options.precision))
    others = [name for name, value in asdict(settings.options).items() if value != unset[name]]
    for names, refused, what in (
        (given, not wanted, "blurs photographs to measure a SEN on them (--protocol flow)"),
        (others, wanted, "is for restoring images; a SEN sees whole images, once"),
    ):
        if names and refused:
            raise InvalidInput(f"`{flag_of(names[0])}` {what}. Leave it out.")
    return wanted


def measure(
    settings: EvaluateSettings, on_progress: Callable[["FlowReport"], None]
) -> "FlowReport":
    """Opens the data, then the model, and measures the flows.

    Raises:
        DataError: if data or model are missing or broken.
        InvalidInput: if photographs' options are given for data that have flows, or options of
            pairs, which mean nothing here.
    """
    from tfdeblur.data.blur_source import RandomBlur
    from tfdeblur.data.flow_sources import holds_photographs, open_flow_source
    from tfdeblur.evaluation.flow import evaluate_flows
    from tfdeblur.evaluation.report_parts import make_folder
    from tfdeblur.restorers.graph import arithmetic, inference_function
    from tfdeblur.restorers.precision import chosen_precision

    data = settings.data
    if data.pairs:
        raise InvalidInput(
            "`--pairs` is for protocol gopro: the flows of other files are not known. Leave it "
            f"out. Received: --pairs {' '.join(map(repr, data.pairs))}"
        )
    if data.white_level != "auto":
        raise InvalidInput(
            "`--white-level` is for protocol gopro: a SEN is measured on 8 bits. Leave it out. "
            f"Received: --white-level {data.white_level}"
        )
    photographs = holds_photographs(data.data)
    blur = _blur_settings(settings, photographs)
    split = None if photographs else data.split_asked
    source = open_flow_source(
        data.data,
        split,
        RandomBlur(*blur.values()) if photographs else None,
        data.only,
        data.exclude,
        cache_bytes=0,
    )
    panels = settings.panels
    if panels is not None:
        make_folder(panels)
    sen = _load_sen(settings.model)
    estimate = inference_function(sen)
    precision = chosen_precision(settings.options.precision, sen)
    tell_on_terminal(PREPARING)
    with arithmetic(precision):
        return evaluate_flows(
            estimate,
            source,
            on_progress,
            limit=data.limit,
            data=data.data,
            model=settings.model,
            split=split_taken(data.data, split),
            settings={"protocol": PROTOCOL, "precision": precision, **blur},
            on_estimate=None if panels is None else lambda *found: _write_panel(panels, *found),
        )


def so_far(report: "FlowReport") -> str:
    """The mean error, for the line of progress."""
    return f"{report.mean('flow_mse'):.2f} px^2"


def _blur_settings(settings: EvaluateSettings, photographs: bool) -> dict[str, Any]:
    given = settings.blur.given()
    if photographs:
        return {**_DEFAULT_BLUR, **given}
    for name, value in given.items():
        raise InvalidInput(
            f"`{flag_of(name)}` is for photographs, which are blurred to be measured on. "
            f"Received: {flag_of(name)} {value} and --data {settings.data.data}, which is blurred "
            "already."
        )
    return {}


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

    from tfdeblur.evaluation.panels import write_panel
    from tfdeblur.operators import flow_to_color

    estimated = np.nan_to_num(estimated, nan=0.0, posinf=0.0, neginf=0.0)
    longest = max(1.0, float(np.hypot(true[..., 0], true[..., 1]).max()))
    distance = np.minimum(*(np.linalg.norm(true - sign * estimated, axis=-1) for sign in (1, -1)))
    levels = np.round(255 * np.minimum(distance / longest, 1)).astype(np.uint8)
    error = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1]
    flows = [flow_to_color(flow, longest) for flow in (estimated, true)]
    write_panel(folder, name, blurred, np.concatenate(flows, axis=1), error)
