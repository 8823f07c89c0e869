"""What `tfdeblur experiment ablation` compares: variants of one training run (`--vary`)."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tfdeblur.config import TrainConfig, flatten, override
from tfdeblur.errors import InvalidInput

SCHEME = "loss.scheme"
SEED = "run.seed"


@dataclass(frozen=True)
class Variant:
    """One training run among others that are like it but for what is varied.

    Attributes:
        name: what differs, for people: "S2-BS", "artifact_weight=0.01, seed=1".
        folder: the same as a name of a folder, another one for each variant.
        config: of the run.
        kind: its name but for the seed: variants of one kind differ in that alone.
    """

    name: str
    folder: str
    config: TrainConfig
    kind: str


def variants_of(base: TrainConfig, vary: Sequence[str], seeds: int = 1) -> list[Variant]:
    """Every combination of the values that are varied, the last setting changing fastest.

    Args:
        base: what all variants have in common.
        vary: "SECTION.KEY=VALUE,VALUE,..." for each setting that differs. Values of a setting
            that is a list, which have commas themselves, are separated by semicolons.
        seeds: trainings of each, with the seed of `base` and those that follow it. The first has
            the folder that it would have alone, so that more of them may be added later.

    Raises:
        InvalidInput: if a setting or a value is not known, something is named twice, fewer than
            two variants come of it, or they would not be measured on the same pairs.
    """
    varied: dict[str, list[str]] = {}
    for item in vary:
        name, values = _read(base, item)
        if name in varied:
            raise InvalidInput(f"`--vary` must name a setting once. Received: {name} twice")
        varied[name] = values
    if seeds > 1:
        if SEED in varied:
            raise InvalidInput(
                f"`--seeds` and `--vary {SEED}` say the same. Give one of them. Received: "
                f"--seeds {seeds}"
            )
        varied[SEED] = [str(base.run.seed + i) for i in range(seeds)]
    variants = []
    for combination in itertools.product(*varied.values()):
        settings = dict(zip(varied, combination, strict=True))
        name = ", ".join(_shown(key, value) for key, value in settings.items())
        kind = ", ".join(_shown(key, value) for key, value in settings.items() if key != SEED)
        alone = seeds > 1 and kind and settings[SEED] == str(base.run.seed)
        folder = _folder(kind if alone else name)
        variants.append(Variant(name, folder, _config(base, settings), kind or "all seeds"))
    if len(variants) < 2:
        raise InvalidInput(
            "`--vary` must give at least two values to compare, as in "
            f"--vary {SCHEME}=2-BS,S2-BS. Received: {' '.join(vary) or 'none'}"
        )
    for kind in ("name", "folder"):
        found = [getattr(variant, kind) for variant in variants]
        twice = sorted({one for one in found if found.count(one) > 1})
        if twice:
            raise InvalidInput(f"`--vary` must give each value once. Received: {twice[0]} twice")
    return variants


def _read(base: TrainConfig, item: str) -> tuple[str, list[str]]:
    """Name and values of one `--vary`."""
    name, equals, text = (part.strip() for part in item.partition("="))
    if not equals or not text:
        raise InvalidInput(f"`--vary` must be SECTION.KEY=VALUE,VALUE,... Received: --vary {item}")
    if name.startswith("data.validation"):
        raise InvalidInput(
            "`--vary` must leave the validation pairs alone: all variants are measured on the "
            f"same ones. Received: --vary {item}"
        )
    if name == SCHEME and base.model != "biskip":
        raise InvalidInput(
            f"`--vary {SCHEME}` is for Bi-Skip: other models have no scheme, and all variants "
            f"would be the same. Received: --model {base.model}"
        )
    separator = ";" if isinstance(flatten(base).get(name), tuple) else ","
    return name, [value.strip() for value in text.split(separator) if value.strip()]


def _config(base: TrainConfig, settings: dict[str, str]) -> TrainConfig:
    try:
        return override(base, settings)
    except InvalidInput as error:
        raise InvalidInput(str(error).replace("`--set`", "`--vary`")) from error


def _shown(name: str, value: str) -> str:
    """A scheme says what it is; of other settings the value alone would not."""
    return value if name == SCHEME else f"{name.rpartition('.')[2]}={value}"


def _folder(name: str) -> str:
    return re.sub(r"[^\w.=-]+", "_", name)
