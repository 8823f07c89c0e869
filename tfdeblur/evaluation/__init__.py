"""Measuring restorations: protocols over data sets, reports, timing.

Names load on first use, so that `import tfdeblur.evaluation` does not load tensorflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfdeblur.evaluation.gopro import evaluate_pairs, find_evaluation_pairs
    from tfdeblur.evaluation.report import EvaluationReport, ImageScore
    from tfdeblur.evaluation.report_base import Failure
    from tfdeblur.evaluation.timing import compare, machine_facts

_LAZY = {
    "EvaluationReport": "tfdeblur.evaluation.report",
    "Failure": "tfdeblur.evaluation.report_base",
    "ImageScore": "tfdeblur.evaluation.report",
    "compare": "tfdeblur.evaluation.timing",
    "evaluate_pairs": "tfdeblur.evaluation.gopro",
    "find_evaluation_pairs": "tfdeblur.evaluation.gopro",
    "machine_facts": "tfdeblur.evaluation.timing",
}

__all__ = [
    "EvaluationReport",
    "Failure",
    "ImageScore",
    "compare",
    "evaluate_pairs",
    "find_evaluation_pairs",
    "machine_facts",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'tfdeblur.evaluation' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
