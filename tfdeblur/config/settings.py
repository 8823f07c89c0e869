"""Settings by dotted name: from text, from JSON, and back."""

import dataclasses
import json
import types
import typing
from collections.abc import Collection
from typing import Any

from tfdeblur.config.checks import check
from tfdeblur.config.sections import TrainConfig
from tfdeblur.errors import InvalidInput
from tfdeblur.near import near_names


def override(config: TrainConfig, settings: dict[str, Any]) -> TrainConfig:
    """Returns `config` with some settings replaced.

    Args:
        config: where to start from; it stays as it is.
        settings: dotted name -> value; a str is read as the setting's own type
            ("1e-3", "true", "a,b" for a list).

    Raises:
        InvalidInput: for an unknown name (with the nearest ones) or a value of a wrong kind.
    """
    known = _types()
    sections: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in known:
            raise _unknown(name, known)
        value = _read(name, value, known[name])
        section, _, key = name.rpartition(".")
        (sections.setdefault(section, {}) if section else top)[key] = value
    for section, values in sections.items():
        top[section] = dataclasses.replace(getattr(config, section), **values)
    changed = dataclasses.replace(config, **top)
    check(changed)
    return changed


def _unknown(name: str, known: Collection[str]) -> InvalidInput:
    """The error for a setting that there is not, with those that may be meant."""
    section, _, key = name.rpartition(".")
    keys = {one.rpartition(".")[2]: one for one in known if one.rpartition(".")[0] == section}
    beside = list(keys.values()) if section else []
    if beside:  # lr: learning_rate
        near = [one for one in keys if _initials(one) == key]
        near = [keys[one] for one in near or near_names(key, keys, 3)]
    else:
        near = near_names(name, known, 3)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    if beside:
        hint += f" The section has {', '.join(sorted(beside))}."
    else:
        sections = sorted({one.rpartition(".")[0] for one in known} - {""})
        hint += f" The sections are {', '.join(sections)}; --show-config prints all settings."
    return InvalidInput(f"`--set` takes a known setting. Received: {name}.{hint}")


def _initials(key: str) -> str:
    return "".join(word[:1] for word in key.split("_"))


def to_json(config: TrainConfig) -> dict[str, Any]:
    """Nested plain values, ready for `json.dump`."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_json(values: dict[str, Any]) -> TrainConfig:
    """The config that `to_json` wrote; unknown or misspelt keys are errors."""
    settings: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            settings.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            settings[name] = value
    return override(TrainConfig(), settings)


def _types() -> dict[str, Any]:
    known: dict[str, Any] = {}
    for entry in dataclasses.fields(TrainConfig):
        if dataclasses.is_dataclass(entry.type):
            for inner in dataclasses.fields(entry.type):
                known[f"{entry.name}.{inner.name}"] = inner.type
        else:
            known[entry.name] = entry.type
    return known


def _read(name: str, value: Any, kind: Any) -> Any:
    """`value` as `kind`, from text or from JSON."""
    if isinstance(kind, types.GenericAlias) and typing.get_origin(kind) is tuple:
        if isinstance(value, str):
            value = [part for part in value.split(",") if part]
        return tuple(_read(name, part, typing.get_args(kind)[0]) for part in value)
    try:
        if kind is bool:
            if isinstance(value, str):
                return {"true": True, "1": True, "yes": True}.get(value.lower()) or _false(value)
            return bool(value)
        if kind is int and isinstance(value, float) and value != int(value):
            raise ValueError
        return kind(value)
    except (ValueError, TypeError, KeyError):
        raise InvalidInput(
            f"`{name}` must be of type {kind.__name__}. Received: {name}={value!r}"
        ) from None


def _false(text: str) -> bool:
    return {"false": False, "0": False, "no": False}[text.lower()]
