"""Settings of commands that restore files: what goes in, what lies beside it, how it is named."""

from dataclasses import dataclass

from tfdeblur.files.video.settings import VideoSettings


@dataclass(frozen=True)
class FileSettings:
    """The options of `files.options`.

    Attributes:
        inputs: images, videos, folders, patterns.
        out: folder for the results.
        compare, flow, confidence: whether to write that beside each result.
        compare_at: column and row of what --compare enlarges; None: a salient place.
        gallery: whether to write a page of all results.
        gallery_beside: folders of earlier results for that page, which then is written anyway.
        flow_format: "npz" or "flo"; None: the usual one.
        recursive: whether to enter subfolders.
        overwrite: whether to redo results that exist.
        suffix: text, added to names.
        format: "keep", "png" or "jpeg".
        json: whether to print a report on stdout.
        video: how videos are written.
        strip: whether results lose profile, EXIF and the like of their inputs.
        white_level: "auto", "full" or the level of 16-bit files that is white.
    """

    inputs: tuple[str, ...]
    out: str
    compare: bool
    compare_at: tuple[int, int] | None
    gallery: bool
    gallery_beside: tuple[str, ...]
    flow: bool
    flow_format: str | None
    confidence: bool
    recursive: bool
    overwrite: bool
    suffix: str
    format: str
    json: bool
    video: VideoSettings
    strip: bool
    white_level: str | int
