"""That a result has another format than its input, which nobody asked for: it is to be told."""

from tfdeblur.files.inputs import WRITTEN_SUFFIXES
from tfdeblur.files.plan import Job
from tfdeblur.image.codec import format_of

_WORDS = {
    **{"png": "PNG", "jpeg": "JPEG", "webp": "WebP", "bmp": "BMP", "tiff": "TIFF"},
    **{"heif": "HEIC", "avif": "AVIF", "raw": "a camera's raw format"},
}


def written_as(job: Job, read: str) -> str:
    """Why the result is in another format; "" where it is not, or where that was asked for.

    Args:
        job: says what both files are called.
        read: format of the input, as `DecodedImage` names it.
    """
    written, named = format_of(job.output), job.source.suffix.lower()
    if written == read:
        return ""
    was, now = _WORDS[read], _WORDS[written]
    if named in WRITTEN_SUFFIXES:
        asked = named != job.output.suffix.lower()
        return "" if asked else f"written as {now}, as it is named: it was {was}"
    if written != "png":  # the format of results whose names ask for none
        return ""
    if read in ("heif", "avif", "raw"):
        return f"written as {now}: {was} is not written"
    return f"written as {now}, as its name asks for no format: it was {was}"
