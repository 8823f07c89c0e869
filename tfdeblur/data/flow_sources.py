"""Where blurred images with flows come from, by what lies behind a name."""

from collections.abc import Sequence
from pathlib import Path

from tfdeblur.data.blur_source import BlurringSource, RandomBlur, open_photographs
from tfdeblur.data.flow_folder import FlowFolder, has_flows
from tfdeblur.data.opening import looks_like_a_path
from tfdeblur.data.pair_search import BLURRED_FOLDERS, SHARP_FOLDERS, SPLIT_FOLDERS
from tfdeblur.data.sources import CACHE_BYTES
from tfdeblur.data.tfds_flow_source import TfdsFlowSource
from tfdeblur.data.tfds_source import open_builder
from tfdeblur.errors import DataError
from tfdeblur.near import did_you_mean_path

WHAT = (
    "a folder of photographs, a folder of pairs with flows made by `tfdeblur data synthesize`, or "
    "the name of a TFDS data set with flows (motion_flow)"
)


def open_flow_source(
    data: str,
    split: str | None = None,
    blur: RandomBlur | None = None,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    cache_bytes: int = CACHE_BYTES,
    data_dir: str | Path | None = None,
) -> BlurringSource | FlowFolder | TfdsFlowSource:
    """Opens blurred images with flows, or photographs to be blurred.

    Args:
        data: a folder of either, or a TFDS name such as "motion_flow/mscoco_23" if there is no
            such folder.
        split: "train", "test", ... or None for all; photographs have none.
        blur: how photographs are blurred; None: as `RandomBlur` does by itself.
        only, exclude: glob patterns on names.
        cache_bytes: int >= 0, memory that decoded images and flows may take.
        data_dir: where TFDS keeps prepared data; None is TFDS's own default.

    Raises:
        DataError: if there is no such data, or it is not fit for use.
    """
    folder = Path(data).expanduser()
    if not folder.is_dir():
        _refuse_unknown(data, data_dir)
        return TfdsFlowSource(
            data, split, data_dir, only=only, exclude=exclude, cache_bytes=cache_bytes
        )
    if has_flows(folder):
        return FlowFolder(folder, split, only, exclude, cache_bytes)
    _refuse_pairs_without_flows(folder)
    return open_photographs(folder, blur or RandomBlur(), only, exclude, cache_bytes)


def holds_photographs(data: str) -> bool:
    """Whether `open_flow_source` takes `data` for photographs, which are blurred here."""
    return Path(data).expanduser().is_dir() and not has_flows(data)


def _refuse_unknown(data: str, data_dir: str | Path | None) -> None:
    if looks_like_a_path(data):
        raise DataError(
            f"`data` must be a folder. Received: data={data!r}. There is no such folder "
            f"({Path(data).expanduser().absolute()}).{did_you_mean_path(data, folders=True)}"
        )
    try:
        open_builder(data, data_dir)
    except DataError as error:
        raise DataError(
            f"`data` must be {WHAT}. Received: data={data!r}. There is no such folder "
            f"({Path(data).absolute()}).{did_you_mean_path(data, folders=True)} {error}"
        ) from error


def _refuse_pairs_without_flows(folder: Path) -> None:
    for place in (folder, *(folder / split for split in SPLIT_FOLDERS)):
        blurred = [name for name in BLURRED_FOLDERS if (place / name).is_dir()]
        sharp = [name for name in SHARP_FOLDERS if (place / name).is_dir()]
        if blurred and sharp:
            raise DataError(
                f"`data` must be {WHAT}. Received: {folder}, pairs without flows: there is no "
                f"{place / 'flow'}. The sharp photographs alone are in {place / sharp[0]}."
            )
