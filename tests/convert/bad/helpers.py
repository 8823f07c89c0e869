"""Archives and folders that `tfdeblur convert maxim` must refuse, and what it must say of each.

A maker fills a folder and returns the source. `says` is a part of the message.
"""

import gzip
import io
import os
import tarfile

import pytest

from tests.convert.makers import member, packed, write

ROWS = []


def row(says, code=4):
    """Registers a maker."""

    def register(make):
        ROWS.append(pytest.param(make, says, code, id=make.__name__))
        return make

    return register


def file(folder, data, name="package.tgz"):
    (folder / name).write_bytes(data)
    return folder / name


# Files that are no archives, and archives that are none of npm.


@row("`source` must be the .tgz of `npm pack", code=3)
def nothing_there(folder):
    return folder / "none.tgz"


@row("source='', which is neither a file nor a folder", code=3)
def no_name(folder):
    return ""


@row("pipe.tgz', which is neither a file nor a folder", code=3)
def a_pipe(folder):
    os.mkfifo(folder / "pipe.tgz")
    return folder / "pipe.tgz"


@row("package.tgz is no archive of `npm pack` (.tgz): Not a gzipped file")
def text(folder):
    return file(folder, b"<html>404 Not Found</html>")


@row("package.tgz is damaged or cut: ")
def empty_file(folder):
    return file(folder, b"")


@row("package.tgz is no archive of `npm pack`")
def binary(folder):
    return file(folder, bytes(range(256)) * 40)


@row("package.tgz is damaged or cut: ")
def gzip_of_text(folder):
    return file(folder, gzip.compress(b"no tar at all\n" * 100))


@row("package.tgz is damaged or cut: Compressed file ended")
def cut_archive(folder):
    data = packed(folder).read_bytes()
    return file(folder, data[: len(data) // 2])


@row("package.tgz is damaged or cut: ")
def archive_with_a_wrong_byte(folder):
    data = bytearray(packed(folder).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    return file(folder, data)


@row("package.tgz is damaged or cut: CRC check failed")
def archive_with_a_wrong_checksum(folder):
    data = bytearray(packed(folder).read_bytes())
    data[-8] ^= 1
    return file(folder, data)


@row("package.tgz is damaged or cut: something that is no file follows its last file")
def archive_with_a_damaged_header_in_the_middle(folder):
    data = bytearray(gzip.decompress(packed(folder).read_bytes()))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        second = archive.getmembers()[1].offset
    data[second : second + 8] = b"\xff" * 8
    return file(folder, gzip.compress(bytes(data)))


@row("package.tgz must hold one model.json. Received: none. Fetch it again")
def empty_archive(folder):
    data = io.BytesIO()
    tarfile.open(fileobj=data, mode="w:gz").close()
    return file(folder, data.getvalue())


@row("must hold one model.json. Received: ['other/model.json', 'package/models/model.json']")
def two_models(folder):
    return packed(folder, [member("other/model.json", data=b"{}")])


@row("package/evil is refused, as it is a link or no plain file")
def symbolic_link(folder):
    return packed(folder, [member("package/evil", tarfile.SYMTYPE, link="/etc/passwd")])


@row("package/evil is refused, as it is a link or no plain file")
def hard_link(folder):
    return packed(folder, [member("package/evil", tarfile.LNKTYPE, link="package/LICENSE")])


@row("package/evil is refused, as it is a link or no plain file")
def device(folder):
    return packed(folder, [member("package/evil", tarfile.CHRTYPE)])


@row("'/evil' is refused, as it is no name of a file inside of the package")
def absolute_member(folder):
    return packed(folder, [member("/evil", data=b"!")])


@row("'package/../../evil' is refused, as it is no name of a file inside")
def member_above(folder):
    return packed(folder, [member("package/../../evil", data=b"!")])


@row("'C:evil' is refused")
def member_on_a_drive(folder):
    return packed(folder, [member("C:evil", data=b"!")])


@row("is damaged: it holds package/LICENSE twice")
def member_twice(folder):
    return packed(folder, [member("./package/LICENSE", data=b"other")])


@row("it unpacks to more than 2 GB or 10000 files")
def bomb(folder):
    """The header comes first: nothing of what it announces is unpacked."""
    info = tarfile.TarInfo("package/zeros")
    info.size = 3 * 10**9
    return file(folder, gzip.compress(info.tobuf() + bytes(10**6)))


@row("it unpacks to more than 2 GB or 10000 files")
def too_many_members(folder):
    return packed(folder, [member(f"package/{i}") for i in range(10_001)])


@row("a header in it claims 3000000000 bytes")
def header_that_is_a_bomb(folder):
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 3 * 10**9
    return file(folder, gzip.compress(info.tobuf() + bytes(10**6)))


# Folders.


@row("holds no models/model.json. Fetch it again with `npm pack")
def empty_folder(folder):
    return folder


@row("model.json is refused: it must be a plain file inside")
def model_is_a_folder(folder):
    (folder / "models" / "model.json").mkdir(parents=True)
    return folder


@row("model.json is refused: it must be a plain file inside")
def model_leads_out(folder):
    write(folder / "package")
    (folder / "package/models/model.json").rename(folder / "model.json")
    (folder / "package/models/model.json").symlink_to(folder / "model.json")
    return folder / "package"


@row("group1-shard2of3.bin is refused: it must be a plain file inside")
def shard_leads_out(folder):
    write(folder / "package")
    shard = folder / "package/models/group1-shard2of3.bin"
    shard.rename(folder / "shard.bin")
    shard.symlink_to("../../shard.bin")
    return folder / "package"


@row("group1-shard2of3.bin is refused: it must be a plain file inside")
def shard_is_a_loop(folder):
    write(folder / "package")
    shard = folder / "package/models/group1-shard2of3.bin"
    shard.unlink()
    shard.symlink_to("group1-shard2of3.bin")
    return folder / "package"


@row("models/model.json is refused, it has 200000001 bytes (most: 200000000)")
def huge_model(folder):
    write(folder / "package")
    os.truncate(folder / "package/models/model.json", 200_000_001)  # takes no room on the disk
    return folder / "package"


@row("the shard models/group1-shard3of3.bin is missing. A model is model.json with all its shards")
def shard_missing(folder):
    write(folder / "package")
    (folder / "package/models/group1-shard3of3.bin").unlink()
    return folder / "package"


@row("its shards are cut. The constants of a group need ")
def shard_cut(folder):
    write(folder / "package")
    os.truncate(folder / "package/models/group1-shard3of3.bin", 5)
    return folder / "package"


@row("its shards are too long. The constants of a group need ")
def shard_too_long(folder):
    with open(write(folder / "package") / "models/group1-shard1of3.bin", "ab") as shard:
        shard.write(b"0")
    return folder / "package"
