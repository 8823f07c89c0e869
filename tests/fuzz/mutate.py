"""Changes of bytes such as bad disks, bad networks and bad people make."""

import random

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)


def mutated(seeds: list[bytes], generator: random.Random) -> bytes:
    """One of the seeds with one to four changes; the same for the same state of the generator."""
    data = bytearray(generator.choice(seeds))
    for _ in range(generator.randint(1, 4)):
        generator.choice(_CHANGES)(data, seeds, generator)
        if not data:
            data.append(generator.randrange(256))
    return bytes(data)


def flipped(seeds: list[bytes], generator: random.Random) -> bytes:
    """One of the seeds with one to three changes that mostly keep its length.

    Of messages, whose fields tell their lengths: other changes leave nothing to be read.
    """
    data = bytearray(generator.choice(seeds))
    for _ in range(generator.randint(1, 3)):
        at, kind = generator.randrange(len(data)), generator.random()
        if kind < 0.9:
            data[at] ^= 1 << generator.randrange(8)
        elif kind < 0.95:
            del data[at : at + generator.randint(1, 4)]
        else:
            data[at:at] = generator.randbytes(generator.randint(1, 4))
        data = data or bytearray(b"\x00")
    return bytes(data)


def _place(data: bytearray, generator: random.Random) -> int:
    """Anywhere, and half of the time near the beginning, where headers are."""
    most = len(data) if generator.random() < 0.5 else min(len(data), 200)
    return generator.randrange(most)


def _flip(data, seeds, generator):
    data[_place(data, generator)] ^= 1 << generator.randrange(8)


def _number(data, seeds, generator):
    size = generator.choice((1, 2, 4, 8))
    value = generator.choice(_NUMBERS) % 256**size
    place = _place(data, generator)
    data[place : place + size] = value.to_bytes(size, generator.choice(("little", "big")))


def _cut(data, seeds, generator):
    del data[_place(data, generator) :]


def _delete(data, seeds, generator):
    place = _place(data, generator)
    del data[place : place + generator.randint(1, 40)]


def _insert(data, seeds, generator):
    place = _place(data, generator)
    data[place:place] = generator.randbytes(generator.randint(1, 40))


def _repeat(data, seeds, generator):
    place = _place(data, generator)
    part = data[place : place + generator.randint(1, 60)]
    data[place:place] = part * generator.randint(1, 30)


def _splice(data, seeds, generator):
    other = generator.choice(seeds)
    data[_place(data, generator) :] = other[generator.randrange(max(1, len(other))) :]


_CHANGES = (_flip, _flip, _number, _number, _cut, _delete, _insert, _repeat, _splice)
