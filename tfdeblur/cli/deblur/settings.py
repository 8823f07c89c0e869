"""The options of `tfdeblur deblur`, read once; those that mean nothing are refused here."""

import argparse
from dataclasses import dataclass

from tfdeblur.cli.common import read_settings
from tfdeblur.cli.deblur.archive_options import PipelineSettings
from tfdeblur.cli.files.options import refuse_contradictions, video_settings
from tfdeblur.cli.files.settings import FileSettings
from tfdeblur.cli.restoring import flag_of, restoring_options, settled, settled_name
from tfdeblur.restorers.kind import CONFIDENCE, FLOW, KNOWN_FLOW
from tfdeblur.restorers.open import possible_kinds, refuse_meaningless
from tfdeblur.restorers.options import OptionRefused, RestoringOptions


@dataclass(frozen=True)
class DeblurSettings:
    """What `tfdeblur deblur` is to do.

    Attributes:
        model: name or path; None: deconvolution with `known_flow` alone.
        known_flow: file or folder of motions that are known; None: there are none.
        options: how to restore.
        files: what, and where to.
        verbose: whether to log details.
        pipeline: what is to restore; None: this process does.
    """

    model: str | None
    known_flow: str | None
    options: RestoringOptions
    files: FileSettings
    verbose: bool
    pipeline: PipelineSettings | None

    @classmethod
    def read(cls, arguments: argparse.Namespace) -> "DeblurSettings":
        """Of the parsed options; ends with a usage error if one means nothing for the model.

        Raises:
            DataError: if no model is named, and this installation lacks the default preset.
        """
        alone = arguments.model is None and arguments.known_flow is not None
        model = None if alone else settled_name(arguments.model)
        options = restoring_options(arguments)
        of_images = {
            FLOW: arguments.flow,
            CONFIDENCE: arguments.confidence,
            KNOWN_FLOW: arguments.known_flow is not None,
        }
        wanted = [name for name, is_wanted in of_images.items() if is_wanted]
        try:
            refuse_meaningless(possible_kinds(model), options.given(), wanted)
        except OptionRefused as error:
            arguments.parser.error(f"argument {flag_of(error.option)}: {error.why}")
        refuse_contradictions(arguments, arguments.parser)
        pipeline = PipelineSettings.read(arguments)
        return cls(
            model=None if alone else settled(arguments.model),
            known_flow=arguments.known_flow,
            options=options,
            files=read_settings(
                FileSettings, arguments, video=video_settings(arguments, arguments.parser)
            ),
            verbose=arguments.verbose,
            pipeline=pipeline,
        )
