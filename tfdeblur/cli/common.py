"""What all commands share: logging, exit codes, quiet start-up of TensorFlow."""

import argparse
import ctypes
import dataclasses
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from typing import Any, TextIO, TypeVar

from tfdeblur.errors import EXIT_INTERRUPTED, EXIT_UNEXPECTED, TfdeblurError
from tfdeblur.text import wrapped

logger = logging.getLogger("tfdeblur")

T = TypeVar("T")

PREPARING = "preparing (the first image of a size takes longer) ..."

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of malloc.h
_LARGEST_KEPT = 32 * 2**20  # bytes of one allocation; more is not accepted
_KEPT = 256 * 2**20  # bytes free at the end of a heap
_HEAPS = 2  # that keep so much; by default there are eight for each processor


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--verbose`, which every command takes."""
    parser.add_argument(
        "--verbose", action="store_true", help="log details and show tracebacks of errors"
    )


def add_patterns(
    group: argparse._ActionsContainer,
    below: str = "the folder of pairs",
    aside: str = "a CSV file with the columns blur and sharp may also be given as the folder",
    *,
    default: Any = (),
    dest: str = "pairs",
) -> None:
    """Adds `--pairs`, two patterns of paths, for folders whose layout is not known.

    Args:
        group: where to.
        below: what the paths are below.
        aside: what else may be given.
        default: where it is not given.
        dest: its attribute, where `pairs` is the folder.
    """
    group.add_argument(
        "--pairs",
        nargs=2,
        default=default,
        dest=dest,
        metavar=("BLUR", "SHARP"),
        help=f"patterns of paths below {below}, in quotes, where its layout is not known: "
        f"'a/*_in.png' 'b/*_out.png' ({aside})",
    )


def at_least_one(text: str) -> int:
    """Type of an argparse option that counts something."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def above_zero(text: str) -> float:
    """Type of an argparse option that is a positive, finite number."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text}")
    return value


def white_level(text: str) -> str | int:
    """Type of the option `--white-level`: auto, full, or a level of 16 bits."""
    if text in ("auto", "full"):
        return text
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be auto, full or a level, 1 to 65535, not {text!r}")


def results_folder(text: str) -> str:
    """Type of an argparse option that names a folder for pictures, which is made if missing.

    A folder called photo_sharp.jpg would be made without a word, and hide the result in it.
    """
    from tfdeblur.files.inputs import VIDEO_SUFFIXES, WRITTEN_SUFFIXES

    if os.path.isdir(text):
        return text
    above = os.path.dirname(text) or "."
    if os.path.isfile(text):
        raise argparse.ArgumentTypeError(
            f"must be a folder, and {text} is a file. Did you mean `--out {shlex.quote(above)}`?"
        )
    ending = os.path.splitext(text)[1].lower()
    if ending in WRITTEN_SUFFIXES | VIDEO_SUFFIXES:
        raise argparse.ArgumentTypeError(
            f"must be a folder, and {text} is called like a file. Results are named after their "
            f"inputs: did you mean `--out {shlex.quote(above)}`? If it is to be a folder, give "
            f"{text}{os.sep}"
        )
    return text


def read_settings(kind: type[T], arguments: argparse.Namespace, **others: Any) -> T:
    """The options of a command as one of its frozen settings; nothing else is to see `arguments`.

    Args:
        kind: a dataclass, each field of which is an option of that name, or one of `others`.
        arguments: as argparse read them; lists become tuples.
        others: fields that are no option.
    """
    names = [field.name for field in dataclasses.fields(kind) if field.name not in others]  # type: ignore[arg-type]
    values = {name: getattr(arguments, name) for name in names}
    frozen = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return kind(**frozen, **others)


def tell_on_terminal(text: str) -> None:
    """Says what goes on, where somebody waits for it: logs and pipes are spared."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def terminal_columns(stream: TextIO | None = None) -> int | None:
    """Width of the terminal that shows stdout, or `stream`; None where it goes elsewhere.

    Files and pipes are not wrapped: who reads them may have any width, or be a program.
    """
    shown = (stream or sys.stdout).isatty()
    return shutil.get_terminal_size().columns if shown else None


def load_tensorflow(verbose: bool) -> None:
    """Imports tensorflow without its start-up lines on stderr, unless `verbose`.

    They come from C++ before any log level is read (no GPU found, which instructions are used),
    so stderr itself is turned away meanwhile. An error of the import is raised all the same.
    """
    if verbose:
        import tensorflow  # noqa: F401

        return
    sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()  # looks for a GPU, and says so in C++
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def keep_freed_memory() -> bool:
    """Lets this process keep what calls free, for the next calls.

    By default glibc hands blocks of some megabytes back to the kernel when they are freed, and
    has to have them again, page by page, a moment later: for a photograph of 1280x720 that was a
    third of the cost of a call, for a frame of a video a sixth. It changes how the whole process
    allocates, so it is for commands that serve or restore videos, not for a library.

    Each heap keeps its own, and threads have different ones: the many threads of a service would
    keep the memory of many calls, where one runs at a time. So there are few heaps. Call it before
    TensorFlow is loaded, whose threads would have theirs already.

    Returns:
        Whether the C library took it; without glibc nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
        settings = (
            (_M_MMAP_THRESHOLD, _LARGEST_KEPT),
            (_M_TRIM_THRESHOLD, _KEPT),
            (_M_ARENA_MAX, _HEAPS),
        )
        taken = all(mallopt(name, value) == 1 for name, value in settings)
    except (OSError, AttributeError, TypeError):
        taken = False
    logger.debug("freed memory is %s", "kept" if taken else "given back")
    return taken


def run_command(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Runs `command` and turns errors into a line on stderr and an exit code."""
    verbose = getattr(arguments, "verbose", False)
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format="%(message)s", stream=sys.stderr
    )
    if verbose:
        # DEBUG is wanted from tfdeblur only: libraries would bury it.
        for name in ("tensorflow", "absl", "matplotlib", "PIL", "h5py"):
            logging.getLogger(name).setLevel(logging.INFO)
    else:
        # TensorFlow reads this once, when it is first imported inside the command.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Read then, too. On processors with AVX-512 TensorFlow does this by itself; on those with AVX2
    # alone it does not, and MAXIM takes twice as long (docs/speed.md).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        return command(arguments)
    except TfdeblurError as error:
        return _report(error, error.exit_code, verbose)
    except KeyboardInterrupt as stopped:
        goes_on = getattr(arguments, "goes_on", False)  # as the parser of the command says
        how = _how_to_go_on(goes_on, getattr(arguments, "overwrite", False))
        how = f" {stopped}" if stopped.args else how
        print(f"\nInterrupted. Finished work is kept.{how}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) went away: nothing more to say to it.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (kept open until exit)
        return EXIT_UNEXPECTED
    except Exception as error:
        return _report(error, EXIT_UNEXPECTED, verbose)


def _how_to_go_on(goes_on: bool, redoes: bool) -> str:
    """Of commands that pass what is done by (`goes_on`), unless they were told not to."""
    without = ", without --overwrite" if redoes else ""
    return f" Go on with the same command{without}." if goes_on else ""


def _report(error: BaseException, exit_code: int, verbose: bool) -> int:
    if verbose:
        logger.exception("error")
    kind = "" if isinstance(error, TfdeblurError) else f"{type(error).__name__}: "
    text = f"tfdeblur: error: {kind}{error}"
    print(wrapped(text, terminal_columns(sys.stderr)), file=sys.stderr)
    if not verbose and exit_code == EXIT_UNEXPECTED:
        print("Run again with --verbose for the traceback.", file=sys.stderr)
    return exit_code
