"""Loads the models that experiments are made with: those of RP-GAN, which have levels."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tfdeblur.errors import InvalidInput
from tfdeblur.restorers.blind.load import load_blind
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.kind import STAGES
from tfdeblur.restorers.open import kind_of, open_restorer


@dataclass(frozen=True)
class Model:
    """A model that experiments are made with.

    Attributes:
        restorer: of the model.
        settings: what its results depend on, JSON values.
        notes: sentences a reader of the results must know.
    """

    restorer: BlindRestorer
    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def load_model(model: str, levels: int | None = None, **options: Any) -> Model:
    """Loads an RP-GAN; nothing stops its passes early.

    Args:
        model: preset, or folder of a run.
        levels: int >= 1, levels to run. Fewer than the model has: its first ones; more: its
            schedule is `continued`. None: those of the model.
        options: keyword arguments of `BlindRestorer`.

    Raises:
        InvalidInput: if there is no such model, or it is one without levels, such as Bi-Skip.
        DataError: if it is not complete or broken.
    """
    if STAGES not in kind_of(model).reports:
        open_restorer(model)  # says what is wrong, if it is broken
        raise InvalidInput(
            "`model` must be an RP-GAN: a folder with generator.keras, sen.keras and "
            f"pipeline.json. Received: model={model!r}, which restores in one step: it has neither "
            "levels nor an estimated flow. `tfdeblur evaluate` measures it."
        )
    sen, generator, settings = load_blind(model)
    trained = len(settings.betas)
    if levels is not None:
        known = settings.known_betas and continued(settings.known_betas, levels)
        betas = continued(settings.betas, levels)
        settings = replace(settings, betas=betas, known_betas=known)
    notes: tuple[str, ...] = ()
    if len(settings.betas) > trained:
        added = ", ".join(f"{beta:.4g}" for beta in settings.betas[trained:])
        notes = (
            f"the schedule of {model} has {trained} levels; it was continued by its last ratio: "
            f"{added}",
        )
    restorer = BlindRestorer(sen, generator, settings, early_stop=False, **options)
    told = {**settings.to_json(), **options, "precision": restorer.precision}
    return Model(restorer, told, notes)


def continued(betas: Sequence[float], levels: int) -> tuple[float, ...]:
    """The first `levels` entries of a schedule, continued by the ratio of its last two.

    Args:
        betas: each > 0, at least one; a single one is repeated, as it has no ratio.
        levels: int >= 1.
    """
    schedule = list(betas[:levels])
    ratio = betas[-1] / betas[-2] if len(betas) > 1 else 1.0
    while len(schedule) < levels:
        schedule.append(schedule[-1] * ratio)
    return tuple(schedule)
