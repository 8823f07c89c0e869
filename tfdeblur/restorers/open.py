"""The door of all restorers: tells what a name, a folder or a file is, and opens it."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfdeblur.models.load import no_such_model
from tfdeblur.models.place import Place, find_place
from tfdeblur.restorers.describing import say_source, weights_of
from tfdeblur.restorers.kind import Kind
from tfdeblur.restorers.options import ANYWAY, WHY, OptionRefused, given
from tfdeblur.restorers.registry import kinds

if TYPE_CHECKING:
    from tfdeblur.restorers.protocol import Restores

Model = str | os.PathLike[str] | None


def possible_kinds(model: Model) -> tuple[Kind, ...]:
    """What `model` may turn out to be: one kind, or all with models where nothing lies there.

    Args:
        model: name of a preset, or path; None: restoring without one.
    """
    if model is None:
        return tuple(kind for kind in kinds() if not kind.needs_model)
    place, others = find_place(model), [kind for kind in kinds() if kind.needs_model]
    if place.path is None:
        return tuple(others)
    return (next(kind for kind in others if kind.recognises(place)),)


def kind_of(model: Model) -> Kind:
    """The kind of a model that is there, as `possible_kinds` tells it.

    Raises:
        InvalidInput: if nothing of that name exists.
    """
    found = possible_kinds(model)
    if model is not None and find_place(model).path is None:
        raise no_such_model(os.fspath(model))
    return found[0]


def refuse_meaningless(
    possible: Sequence[Kind], options: Mapping[str, Any], of_images: Iterable[str] = ()
) -> None:
    """The one place where options are refused.

    Args:
        possible: kinds that a model may be of; what one of them takes passes.
        options: those that were given; what all do anyway (`options.ANYWAY`) passes as well.
        of_images: what is wanted of each image: names of `kind` to report, or `KNOWN_FLOW`.

    Raises:
        OptionRefused: for the first one that means nothing for any of them.
    """
    refused = [
        name
        for name, value in options.items()
        if not any(name in kind.takes for kind in possible) and value != ANYWAY.get(name)
    ]
    refused += [name for name in of_images if not any(kind.handles(name) for kind in possible)]
    if not refused:
        return
    order = list(WHY)
    option = min(refused, key=lambda name: order.index(name) if name in WHY else len(order))
    kind = possible[0]
    raise OptionRefused(
        option,
        f"This model does not take `{option}`: a {kind.restorer} restores with it, which takes "
        f"{', '.join(kind.takes)}. Received: {option}={options.get(option, True)!r}",
    )


def open_restorer(model: Model, options: Mapping[str, Any] | None = None) -> "Restores":
    """Opens whatever restores: a shipped preset, a folder, a file, or no model at all.

    Args:
        model: name of a preset, or path; None: restoring without a model, by a known motion.
        options: how to restore, such as `RestoringOptions(...).given()`. Those that say nothing
            (None, False, or what `RestoringOptions` has) are passed over.

    Raises:
        InvalidInput: if nothing of that name exists; `OptionRefused`, which is one, if an option
            means nothing for this model.
        DataError: if the model is not complete, or broken.
    """
    kind = kind_of(model)
    said = given(options or {})
    refuse_meaningless((kind,), said)
    place = Place("", None) if model is None else find_place(model)
    taken = {name: value for name, value in said.items() if name in kind.takes}
    restorer = kind.open(place, taken)
    say_source(restorer, "" if model is None else weights_of(place.name))
    return restorer
