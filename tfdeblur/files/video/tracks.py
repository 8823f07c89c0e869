"""What is copied beside the picture: sound, subtitles, attachments, chapters, metadata."""

import io
from collections.abc import Mapping
from typing import Any

import av

from tfdeblur.files.video.reader import TEXT_ERRORS

# What containers write themselves; of the source, it would be untrue of the result.
_OF_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration")
_STATISTICS = ("BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "_STATISTICS")
# What MP4 and MOV hold without being told to; all else needs Apple's list of keys.
_ITUNES = frozenset(
    "title artist album_artist composer album date comment genre copyright grouping lyrics "
    "description synopsis show episode_id network keywords location creation_time language "
    "encoding_tool compilation gapless_playback hd_video media_type track disc tmpo rating".split()
)


def of_the_file(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata of a file that are true of its copy as well."""
    kept = {key: text for key, text in metadata.items() if key.lower() not in _OF_THE_FILE}
    # FFmpeg tells a place twice, once with a language.
    return {
        key: text
        for key, text in kept.items()
        if key.partition("-")[0] not in kept or "-" not in key
    }


def of_the_picture(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata of a video track that are true when it was written anew."""
    return {
        key: text
        for key, text in of_the_file(metadata).items()
        if not key.upper().startswith(_STATISTICS)
    }


def container_options(container: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """Options of a container, so that it holds these metadata."""
    if container in ("mp4", "mov") and not metadata.keys() <= _ITUNES:
        return {"movflags": "use_metadata_tags"}
    return {}


def add_tracks(out: Any, container: str, others: list[Any]) -> tuple[dict[int, Any], list[str]]:
    """Adds tracks to an output, to be copied packet by packet.

    Args:
        out: the output of PyAV, before its header is written.
        container: FFmpeg's name of its container.
        others: tracks of the input.

    Returns:
        Index of an input's track -> track of the output; and remarks on those that `container`
        cannot hold.
    """
    tracks: dict[int, Any] = {}
    remarks = []
    for source in others:
        if _is_timecode(source):
            continue  # written anew, from the metadata of the picture
        if not _can_hold(container, source):
            remarks.append(f"{_name(source)} is left out: {container} cannot hold it")
            continue
        track = _add(out, source)
        if track is None:
            continue
        tracks[source.index] = track
        if source.type == "video" and not source.disposition & _COVER:
            remarks.append(f"{_name(source)} is copied as it was: one track is restored")
    return tracks, remarks


_COVER = av.stream.Disposition.attached_pic


def _add(out: Any, source: Any) -> Any:
    if source.type == "attachment":
        name = source.metadata.get("filename", "attachment")
        out.add_attachment(name, source.mimetype or "application/octet-stream", source.data)
        return None
    if source.disposition & _COVER and out.format.name == "matroska":
        # An attachment, too: FFmpeg shows it as a picture, and would write it as one more video.
        name = source.metadata.get("filename", "cover")
        out.add_attachment(name, source.metadata.get("mimetype", "image/jpeg"), _packet_of(source))
        return None
    track = out.add_stream_from_template(source, opaque=True)
    track.metadata.update(source.metadata)
    track.disposition = source.disposition
    return track


def _packet_of(cover: Any) -> bytes:
    """The one packet of a cover, by opening its file once more: reading goes on elsewhere."""
    with av.open(cover.container.name, metadata_errors=TEXT_ERRORS) as file:
        packets = file.demux(file.streams[cover.index])
        return next((bytes(packet) for packet in packets if packet.size), b"")


def _is_timecode(source: Any) -> bool:
    return source.type == "data" and "timecode" in source.metadata


def _name(source: Any) -> str:
    codec = getattr(source.codec_context, "name", None) or source.name or "of an unknown kind"
    kinds = {"audio": "sound", "subtitle": "subtitles", "video": "picture"}
    return f"track {source.index + 1} ({kinds.get(source.type, source.type)}, {codec})"


def _can_hold(container: str, source: Any) -> bool:
    """Whether a container takes a track: tried, as no list of FFmpeg's tells it for all."""
    try:
        with av.open(io.BytesIO(), "w", format=container, metadata_errors=TEXT_ERRORS) as trial:
            _add(trial, source)
            if source.type == "attachment":
                return container == "matroska"
            trial.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True
