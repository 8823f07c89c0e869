"""Options of `tfdeblur deblur` that hand the files to a pipeline of Apache Beam."""

import argparse
from dataclasses import dataclass
from typing import Any

# Options of `deblur` for which a pipeline has no place, and how each is called without it.
_MEANINGLESS: dict[str, Any] = {
    **{"compare": False, "compare_at": None, "gallery": False, "gallery_beside": []},
    **{"flow": False, "flow_format": None, "confidence": False, "json": False, "known_flow": None},
    **{"video_codec": None, "video_quality": None},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of archives."""
    group = parser.add_argument_group("archives, by Apache Beam (pip install 'tfdeblur[beam]')")
    group.add_argument(
        "--beam",
        metavar="RUNNER",
        help="restore in a pipeline of this runner: DirectRunner, FlinkRunner, SparkRunner, "
        "DataflowRunner; INPUT and --out may then be of any file system that Beam has "
        "('gs://archive/**.jpg'); photographs alone, nothing beside them",
    )
    group.add_argument(
        "--beam-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="option of the pipeline, as Beam calls it, such as direct_num_workers=2 (repeatable)",
    )


@dataclass(frozen=True)
class PipelineSettings:
    """The pipeline that is to restore.

    Attributes:
        runner: as Beam calls it.
        options: "name=value", further options of Beam.
    """

    runner: str
    options: tuple[str, ...]

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> "PipelineSettings | None":
        """Of the parsed options; None without --beam.

        Ends with a usage error if an option means nothing for, or without, --beam.
        """
        if arguments.beam is None:
            if arguments.beam_option:
                arguments.parser.error("argument --beam-option: works with --beam only")
            return None
        for name, silent in _MEANINGLESS.items():
            if getattr(arguments, name, silent) != silent:
                flag = "--" + name.replace("_", "-")
                arguments.parser.error(f"argument {flag}: works without --beam only")
        return cls(arguments.beam, tuple(arguments.beam_option))
