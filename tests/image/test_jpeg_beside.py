"""What phones put into a JPEG beside its picture is told, and no metadata point to it."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.image.makers import levels, saved
from tfdeblur.image.codec import decode_image, encode_image

GAIN_MAP = "the gain map for HDR screens"
CLIP = "the clip of a motion photo"


def packet(attributes, inner=b""):
    """XMP as phones write it, with a title that is to stay."""
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf'
        b'-syntax-ns#"><rdf:Description xmlns:dc="d" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map'
        b'/1.0/" xmlns:GCamera="g" xmlns:Container="c" xmlns:xmpNote="n" dc:title="Harbour" '
        + attributes
        + b">"
        + inner
        + b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


DIRECTORY = (
    b"<Container:Directory><rdf:Seq><rdf:li><Container:Item Item:Semantic='GainMap' "
    b"Item:Length='900'/></rdf:li></rdf:Seq></Container:Directory>"
)


def photo(xmp=None, **options):
    return saved(Image.fromarray(levels()), "JPEG", **({"xmp": xmp} if xmp else {}), **options)


def clip():
    """The beginning of an MP4."""
    return b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(300)


def mpo():
    file = io.BytesIO()
    other = Image.fromarray(levels(seed=1))
    Image.fromarray(levels()).save(file, "MPO", save_all=True, append_images=[other])
    return file.getvalue()


def with_preview():
    """As Sony and Nikon write: the second picture is the first one, small."""
    data = mpo()
    table = data.index(b"MPF\0")
    first = data.rindex(b"\0\0\3\0", table, table + 58)  # its kind: a picture by itself
    return data[: first + 16] + b"\2\0\1\0" + data[first + 20 :]


def extended():
    body = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + bytes(8) + b"<depth/>"
    data = photo(packet(b'xmpNote:HasExtendedXMP="' + b"A" * 32 + b'"'))
    return data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + data[2:]


ULTRA_HDR = photo(packet(b'hdrgm:Version="1.0"', DIRECTORY)) + photo(
    packet(b'hdrgm:Version="1.0" hdrgm:GainMapMax="3.1"')
)
MOTION = (
    photo(packet(b'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"', DIRECTORY)) + clip()
)
OLD_MOTION = photo(packet(b"GCamera:MicroVideo='1' GCamera:MicroVideoOffset='324'")) + clip()
BOTH = ULTRA_HDR + clip()
ISO = photo(extra=b"\xff\xe2\x00\x22urn:iso:std:iso:ts:21496:-1\0\0\0\0\0") + photo()

CASES = {
    "plain": (photo(packet(b"")), 1, ""),
    "zeros behind the end": (photo() + bytes(4096), 1, ""),
    "MPO": (mpo(), 2, ""),
    "preview": (with_preview(), 1, ""),
    "Ultra HDR": (ULTRA_HDR, 1, GAIN_MAP),
    "ISO gain map": (ISO, 1, GAIN_MAP),
    "motion photo": (MOTION, 1, CLIP),
    "micro video": (OLD_MOTION, 1, CLIP),
    "Ultra HDR with motion": (BOTH, 1, f"{GAIN_MAP} and {CLIP}"),
    "extended XMP": (extended(), 1, "extended XMP data (such as depth)"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_beside_the_picture_is_told(name):
    data, pictures, left_out = CASES[name]
    image = decode_image(data, "a.jpg", with_metadata=True)
    assert (image.pictures, image.left_out) == (pictures, left_out)
    first = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)
    assert np.abs(image.rgb - first).max() <= 1
    again = encode_image(image.rgb, image, "jpeg")
    for mark in (b"hdrgm:", b"Directory", b"Motion", b"MicroVideo", b"HasExtended", b"ftyp"):
        assert mark not in again
    assert (b'dc:title="Harbour"' in again) == (b"dc:title" in data)
    after = decode_image(again, "b.jpg")
    assert (after.pictures, after.left_out) == (1, "")
