"""What is to be served, from whatever the caller has: a restorer, a network, a run or a file."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from export.graph.restoration import Restore, blind_body, restoring_body
from tfdeblur.errors import InvalidInput
from tfdeblur.image.tiling import Tiling
from tfdeblur.restorers.adopted.frozen import FrozenNetwork
from tfdeblur.restorers.adopted.onnx.network import OnnxNetwork
from tfdeblur.restorers.blind.restorer import BlindRestorer
from tfdeblur.restorers.constants import wants_constants
from tfdeblur.restorers.graph import size_multiple
from tfdeblur.restorers.memory import bytes_per_pixel
from tfdeblur.restorers.network import Restorer
from tfdeblur.restorers.open import open_restorer
from tfdeblur.restorers.passes import InPasses
from tfdeblur.restorers.tiled import tiles_matter

# Of what networks take, where it is no image: the generator sees the deconvolved and the observed.
_CHANNELS = {"generator": 6}


@dataclass(frozen=True)
class Served:
    """A model, ready to be written.

    Attributes:
        kind: "restorer" or "rp_gan".
        body: the function behind its graph.
        networks: by the part they play.
        settings: what else decides the result, JSON values.
        tiling: what the tiles are that its network sees; None: whole images.
    """

    kind: str
    body: Restore
    networks: Mapping[str, Any]
    settings: Mapping[str, Any]
    tiling: Tiling | None = None

    @functools.cached_property
    def restore(self) -> Any:
        """Its graph, for images of any size: a `tf.function`, traced once for all signatures.

        Raises:
            InvalidInput: if it takes or gives something else than RGB images.
        """
        return _one_graph(self.body)

    @property
    def estimates_motion(self) -> bool:
        """Whether its results come with flow and confidence."""
        return self.kind == "rp_gan"

    @property
    def size_multiples(self) -> dict[str, int]:
        """Pixels that each network's images are padded to a multiple of, inside the graph."""
        return {part: size_multiple(network) for part, network in self.networks.items()}

    @property
    def padded_to(self) -> int:
        """The largest of them."""
        return max(self.size_multiples.values())

    @functools.cached_property
    def bytes_per_pixel(self) -> float:
        """Working memory that its networks take, whichever takes most.

        Raises:
            InvalidInput: as `restore`.
        """
        _ = self.restore  # what is no restorer is not looked at any further
        return max(
            bytes_per_pixel(network, channels=_CHANNELS.get(part, 3))
            for part, network in self.networks.items()
        )

    @property
    def bfloat16_costs_db(self) -> float | None:
        """What bfloat16 costs it, dB, as the card of the model says; None if nothing is known."""
        costs = [getattr(one, "bfloat16_costs_db", None) for one in self.networks.values()]
        known = [float(cost) for cost in costs if cost is not None]
        return max(known) if len(known) == len(costs) else None

    @property
    def largest(self) -> tuple[int, int] | None:
        """Height and width that images may have at most; None: any."""
        probe = getattr(self.networks.get("network"), "probe", None)
        return None if probe is None else probe.fixed

    def weights(self) -> dict[str, tf.Variable]:
        """All weights, by names that do not depend on what else the process has built."""
        return self._variables(self.networks)

    def variables(self) -> dict[str, tf.Variable]:
        """Those of `weights` that its graph holds as variables, and not as constants.

        TensorFlow's own variables, not Keras's around them: a module that holds those is saved
        in a way that loads everywhere and fails at the first request to TensorFlow Serving.
        """
        parts = {p: one for p, one in self.networks.items() if not wants_constants(one)}
        return self._variables(parts)

    def _variables(self, networks: Mapping[str, Any]) -> dict[str, tf.Variable]:
        found: dict[str, tf.Variable] = {}
        for part, network in networks.items():
            for i, variable in enumerate(getattr(network, "variables", ())):
                held = variable if isinstance(variable, tf.Variable) else variable.value
                if not isinstance(held, tf.Variable):
                    raise InvalidInput(
                        f"`model`: weight {i} of its {part} is no TensorFlow variable. "
                        f"Received: {type(held).__name__}. Export outside of any autocast scope, "
                        "with Keras on TensorFlow."
                    )
                found[f"{part}_{i:04d}"] = held
        return found


def served_model(model) -> Served:
    """Says what is to be served.

    Args:
        model: as for `saved_model.export_model`.

    Raises:
        InvalidInput: if it is none of those, or nothing of that name exists.
        DataError: if a run has no networks yet, or a file cannot be loaded.
    """
    if isinstance(model, str | os.PathLike):
        model = open_restorer(model)
    _refuse_onnx(model)
    if isinstance(model, BlindRestorer):
        return _blind(model)
    if isinstance(model, InPasses) and isinstance(model.restorer, Restorer):
        return _restoring(model.restorer, model.passes)
    if isinstance(model, Restorer):
        return _restoring(model, 1)
    if callable(model) and hasattr(model, "variables"):
        return _restoring(Restorer(model), 1)
    raise InvalidInput(
        "`model` must be a Restorer, a BlindRestorer, a network, a run folder, the name of a "
        f"preset or a .keras file. Received: {type(model).__name__}"
    )


def _refuse_onnx(model) -> None:
    restorer = getattr(model, "restorer", model)  # of `InPasses`
    if isinstance(getattr(restorer, "network", restorer), OnnxNetwork):
        raise InvalidInput(
            "`model` is an ONNX file, which onnxruntime runs: it cannot be exported, as TensorFlow "
            "Serving runs graphs of TensorFlow only. Restore with it here (`tfdeblur deblur "
            "--model ...`), or adopt the SavedModel that it was made of."
        )


def _restoring(restorer: Restorer, passes: int) -> Served:
    ensemble = restorer.self_ensemble
    network = restorer.network
    tiling = restorer.tiling if tiles_matter(network) else None
    restore = restoring_body(network, passes=passes, self_ensemble=ensemble, tiling=tiling)
    settings: dict[str, Any] = {"passes": passes, "self_ensemble": ensemble}
    if tiling is not None:
        settings["tiling"] = tiling._asdict()
    if isinstance(network, FrozenNetwork):  # its weights are constants: nothing else tells them
        settings["graph_sha256"] = network.digest
    return Served("restorer", restore, {"network": network}, settings, tiling)


def _blind(restorer: BlindRestorer) -> Served:
    sen, generator = restorer.sen.network, restorer.generator.network
    restore = blind_body(
        sen,
        generator,
        restorer.settings,
        passes=restorer.passes,
        early_stop=restorer.early_stop,
        memory_budget_bytes=restorer.memory_budget_bytes // 2,  # as the restorer divides it
    )
    settings = {
        **restorer.settings.to_json(),
        "passes": restorer.passes,
        "early_stop": restorer.early_stop,
        "memory_budget_bytes": restorer.memory_budget_bytes,
    }
    networks = {"sen": sen, "generator": generator}
    return Served("rp_gan", restore, networks, settings)


def _one_graph(restore: Restore) -> Any:
    spec = tf.TensorSpec((None, None, None, 3), tf.float32, name="image")
    shared = tf.function(restore, input_signature=[spec], autograph=False)
    # Networks that are parts of something else take or give other channels than images have.
    try:
        channels = shared.get_concrete_function().structured_outputs.image.shape[-1]
    except (ValueError, TypeError, tf.errors.OpError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InvalidInput(f"`model` does not restore RGB images by itself: {reason}") from error
    if channels != 3:
        raise InvalidInput(f"`model` must return 3 channels. Received: {channels}")
    return shared
