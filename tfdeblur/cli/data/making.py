"""What commands share that make pairs one after the other: progress, what failed, a last line."""

import sys
from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any

from tfdeblur.counter import Counter

_WORDS = {"done": "made", "skipped": "done before", "failed": "failed"}


def make_all(pairs: Iterable[Any], total: int) -> int:
    """Makes pairs and tells how far it is; what is finished is told whatever ends it.

    Args:
        pairs: each `data.pair_files.MadePair`, made as it is asked for.
        total: how many there are.

    Returns:
        The exit code of the command.
    """
    from tfdeblur.files.work import exit_code

    made: list[Any] = []
    try:
        with Counter(total, "pairs") as counter:
            for pair in pairs:
                made.append(pair)
                counter.step()
                if pair.reason:
                    counter.say(f"failed: {pair.reason}")
    finally:
        tally = Tally(pair.status for pair in made)
        parts = [f"{tally[status]} {word}" for status, word in _WORDS.items() if tally[status]]
        if len(made) < total:
            parts.append(f"{total - len(made)} not finished")
        print(f"{total} pairs: {', '.join(parts)}.", file=sys.stderr)
    return exit_code(made)
