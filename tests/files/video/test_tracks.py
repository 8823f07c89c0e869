"""Tracks beside the picture: covers, fonts, second pictures, what a container cannot hold."""

from fractions import Fraction

import av
import numpy as np

from tests.files.video.makers import (
    STEADY,
    hashes,
    identity,
    make_frame,
    times_of,
    write_clip,
)
from tfdeblur.files.video import tracks
from tfdeblur.files.video.restore import restore_video

MS = Fraction(1, 1000)


def jpeg():
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 64, 48, "yuvj420p", MS
    made = make_frame(0, (64, 48), "yuvj420p")
    made.pts, made.time_base = 0, MS
    return bytes(codec.encode(made)[0])


def test_attachments_and_covers_of_matroska_come_back(tmp_path):
    def attach(out, picture):
        out.add_attachment("font.ttf", "application/x-truetype-font", b"\0\1\0\0 font")
        out.add_attachment("cover.jpg", "image/jpeg", jpeg())

    source = write_clip(tmp_path / "in.mkv", clock=MS, times=range(0, 400, 40), before=attach)
    result = restore_video(identity, source, tmp_path / "out.mkv")
    assert result.remark == ""
    for path in (source, tmp_path / "out.mkv"):
        with av.open(str(path)) as file:
            kinds = [one.type for one in file.streams]
            assert sorted(kinds) == ["attachment", "video", "video"]
            font = next(one for one in file.streams if one.type == "attachment")
            assert font.metadata["filename"] == "font.ttf"
            assert font.mimetype == "application/x-truetype-font"
            assert font.data == b"\0\1\0\0 font"
            covers = [o for o in file.streams if o.disposition & av.stream.Disposition.attached_pic]
            assert [one.metadata["filename"] for one in covers] == ["cover.jpg"]
            cover = [bytes(packet) for packet in file.demux(covers) if packet.size]
            assert cover == [jpeg()]
    assert len(times_of(tmp_path / "out.mkv")) == 10


def test_a_second_picture_is_copied_and_this_is_said(tmp_path):
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as out:
        two = [
            out.add_stream("libx264", rate=25, width=w, height=48, pix_fmt="yuv420p")
            for w in (64, 32)
        ]
        for number in range(10):
            for track in two:
                made = make_frame(number, (track.width, 48), "yuv420p")
                made.pts, made.time_base = number, Fraction(1, 25)
                out.mux(track.encode(made))
        for track in two:
            out.mux(track.encode(None))
    result = restore_video(identity, source, tmp_path / "out.mp4")
    assert result.remark == "track 2 (picture, h264) is copied as it was: one track is restored"
    first, second = (
        [one for one in hashes(p, "video") if one[0] == 1] for p in (source, tmp_path / "out.mp4")
    )
    assert first == second and len(first) == 10


def test_what_a_container_cannot_hold_is_named(tmp_path, monkeypatch):
    source = write_clip(tmp_path / "in.mp4", sound="aac")
    monkeypatch.setattr(tracks, "_can_hold", lambda container, source: False)
    result = restore_video(identity, source, tmp_path / "out.mp4")
    assert result.remark == "track 2 (sound, aac) is left out: mp4 cannot hold it"
    assert hashes(tmp_path / "out.mp4", "audio") == []


def test_what_containers_hold_is_tried(tmp_path):
    source = write_clip(tmp_path / "in.mkv", clock=MS, times=range(0, 400, 40), sound="flac")
    with av.open(str(source)) as file:
        sound = file.streams.audio[0]
        held = [c for c in ("mp4", "mov", "matroska", "webm", "avi") if tracks._can_hold(c, sound)]
    assert held == ["mp4", "matroska", "avi"]


def test_interlaced_video_is_said_to_be(tmp_path):
    options = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
    source = write_clip(tmp_path / "in.mp4", options=options, times=STEADY[:4])
    with av.open(str(source)) as file:
        assert next(file.decode(video=0)).interlaced_frame
    result = restore_video(identity, source, tmp_path / "out.mp4")
    assert result.remark.startswith("interlaced: ")


def test_metadata_in_other_letters_come_through(tmp_path):
    source = tmp_path / "in.avi"
    made = dict(codec="mjpeg", pixels="yuvj420p", times=range(5), clock=Fraction(1, 10), duration=1)
    write_clip(source, **made, before=lambda out, picture: out.metadata.update(title="T-t-l"))
    source.write_bytes(source.read_bytes().replace(b"T-t-l", b"T\xfct\xf6l"))
    restore_video(identity, source, tmp_path / "out.avi")
    assert b"T\xfct\xf6l" in (tmp_path / "out.avi").read_bytes()


def test_an_edit_list_of_a_cutter_is_respected(tmp_path):
    """Frames before the cut are in the file, decoded and not shown."""
    whole = write_clip(tmp_path / "whole.mp4", times=STEADY, options={"bf": "0"}, sound="aac")
    cut = tmp_path / "cut.mp4"
    with av.open(str(whole)) as file, av.open(str(cut), "w") as out:
        copies = {one.index: out.add_stream_from_template(one, opaque=True) for one in file.streams}
        for packet in file.demux():
            if packet.size:
                shift = int(Fraction(2, 25) / packet.time_base)  # begins within a group of pictures
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
    before = times_of(cut)
    assert len(before) < len(STEADY)
    result = restore_video(identity, cut, tmp_path / "out.mp4")
    np.testing.assert_allclose(times_of(tmp_path / "out.mp4"), before, atol=1e-3)
    assert result.frames == len(before)
    sound = [(time, digest) for _, time, digest in hashes(tmp_path / "out.mp4", "audio")]
    assert sound == [(time, digest) for _, time, digest in hashes(cut, "audio")]
