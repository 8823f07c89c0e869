"""How many steps each epoch of a run has: a run that is extended may change that on the way."""

from dataclasses import dataclass
from typing import Any

from tfdeblur.config import TrainConfig
from tfdeblur.training.backup import Position


@dataclass(frozen=True)
class Plan:
    """Epochs and steps of a whole run.

    Attributes:
        epochs: int >= 1.
        paces: pairs (epoch, steps): from that epoch on, counted from 0, each has so many steps.
            Rising, the first from epoch 0.
    """

    epochs: int
    paces: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, steps: "int | Plan", epochs: int) -> "Plan":
        """`steps`, or so many steps of the whole run in epochs that are equally long."""
        return steps if isinstance(steps, Plan) else cls(epochs, ((0, steps // epochs),))

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> "Plan":
        """What `run.json` says; without "paces", as earlier versions wrote it, all are equal."""
        paces = record.get("paces") or [(0, record["steps_per_epoch"])]
        return cls(record["config"]["run"]["epochs"], tuple((int(a), int(b)) for a, b in paces))

    def go_on(self, position: Position, epochs: int, steps: int) -> "Plan":
        """The plan of a run that goes on from `position` with so many steps an epoch."""
        kept = [pace for pace in self.paces if pace[0] < position.epoch]
        if not kept or kept[-1][1] != steps:
            kept.append((position.epoch, steps))
        return Plan(epochs, tuple(kept))

    def between(self, first: int, last: int) -> int:
        """Steps of the epochs from number `first` to before `last`."""
        ends = [start for start, _ in self.paces[1:]] + [max(last, first)]
        return sum(
            steps * max(0, min(last, end) - max(first, start))
            for (start, steps), end in zip(self.paces, ends, strict=True)
        )

    @property
    def total(self) -> int:
        """Steps of the whole run."""
        return self.between(0, self.epochs)

    def late(self, config: TrainConfig) -> int | None:
        """The step from which crops are of `data.crop_late`; None where they do not grow."""
        data = config.data
        return round(data.crop_late_from * self.total) if data.crop_late else None

    def done(self, position: Position) -> int:
        """Steps that are done at `position`."""
        return self.between(0, position.epoch) + position.step
