"""What the commands share that restore: the model, how it restores, and what it does not take."""

import argparse
import dataclasses
from collections.abc import Sequence

from tfdeblur.cli.common import at_least_one
from tfdeblur.errors import InvalidInput
from tfdeblur.models.preset_card import default_text
from tfdeblur.models.shipped import (
    DEFAULT_PRESET,
    default_model,
    shipped_names,
    shipped_presets,
)
from tfdeblur.near import did_you_mean
from tfdeblur.restorers.options import OptionRefused, RestoringOptions
from tfdeblur.restorers.precision import AUTO, MOST_COST_DB, PRECISIONS

_FLAGS = {"memory_budget_bytes": "memory_budget", "early_stop": "no_early_stop"}


def add_model_argument(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Adds `--model`, the network to restore with, and `--preset`; `settled` goes with it.

    Args:
        parser: where to.
        several: whether it may be given more than once; a list of all is read then.
    """
    action = "append" if several else "store"
    default = default_text().replace("%", "%%")  # names of data sets are not argparse's to format
    # Exclusive only where there is one to be chosen.
    group = parser if several else parser.add_mutually_exclusive_group()
    group.add_argument(
        "--model",
        action=action,
        metavar="MODEL",
        help="name or folder of a preset, folder of a training run or of `tfdeblur adopt`, or a "
        ".keras file "
        f"(default: the preset {default})" + ("; may be repeated" if several else ""),
    )
    group.add_argument(
        "--preset",
        dest="model",
        action=action,
        type=_shipped,
        metavar="NAME",
        help="the same, of what is shipped only: `tfdeblur presets` lists it",
    )


def _shipped(name: str) -> str:
    try:
        return known_preset(name)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def known_preset(name: str) -> str:
    """Returns `name`.

    Raises:
        InvalidInput: if no preset of that name is shipped, with the one that may be meant.
    """
    presets = shipped_presets()
    if name not in presets:
        raise InvalidInput(
            f"No preset {name!r} is shipped.{did_you_mean(name, presets)} There are: "
            f"{shipped_names()}"
        )
    return name


def settled(model: str | None) -> str:
    """The model that was named, or the default preset.

    Raises:
        DataError: if this installation lacks it.
    """
    return default_model() if model is None else model


def settled_name(model: str | None) -> str:
    """The same, also where this installation lacks the default preset."""
    return DEFAULT_PRESET if model is None else model


def add_restoring_arguments(
    parser: argparse.ArgumentParser, self_ensemble: bool = True
) -> argparse._ArgumentGroup:
    """Adds the options of `Restorer`; returns their group, for more of them.

    RP-GAN takes no `self_ensemble`.
    """
    group = parser.add_argument_group("restoring")
    group.add_argument(
        "--tile",
        type=at_least_one,
        metavar="N",
        help="largest side of a tile in pixels; as tiles overlap, 160 or more, of MAXIM 192, of "
        "networks that fold 2x2 pixels into one 224, 4x4 352 (default: what the memory budget "
        "allows, at most 2112; a larger one restores larger images whole)",
    )
    group.add_argument(
        "--memory-budget",
        type=at_least_one,
        metavar="MB",
        help="memory for one image, in megabytes (10^6 bytes); smaller means smaller tiles",
    )
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=AUTO,
        help="arithmetic of the network; bfloat16 is faster where the processor has it; auto: "
        f"bfloat16 there if the model's card says that it costs less than {MOST_COST_DB:g} dB, "
        "else float32 (default: auto)",
    )
    if self_ensemble:
        group.add_argument(
            "--self-ensemble",
            action="store_true",
            help="average over the 8 flips and turns of the image: 8 times slower, a little better",
        )
    return group


def restoring_options(
    arguments: argparse.Namespace, without: Sequence[str] = ()
) -> RestoringOptions:
    """How to restore, of those options that the command has.

    Args:
        arguments: as argparse read them.
        without: options that have the name of one here and mean something else.
    """
    fields = (field.name for field in dataclasses.fields(RestoringOptions))
    names = {name: _FLAGS.get(name, name) for name in fields if name not in without}
    there = {name: getattr(arguments, flag) for name, flag in names.items() if flag in arguments}
    if there.get("memory_budget_bytes") is not None:
        there["memory_budget_bytes"] *= 10**6
    if "early_stop" in there:
        there["early_stop"] = not there["early_stop"]
    return RestoringOptions(**there)


def flag_of(option: str) -> str:
    """The flag of an option of `RestoringOptions`, or of `options.WHY`."""
    return "--" + _FLAGS.get(option, option).replace("_", "-")


def refused(error: OptionRefused, model: str) -> InvalidInput:
    """The same in the words of the command line."""
    return InvalidInput(
        f"`{flag_of(error.option)}` {error.why}. Leave it out. Received: --model {model}"
    )
