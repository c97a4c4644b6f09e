"""MessagePack as Python values: maps, lists, texts, bytes and numbers (the specification at msgpack.org; without extensions)."""

import struct
from typing import NamedTuple, TypeAlias

Packed: TypeAlias = "dict[Packed, Packed] | tuple[Packed, ...] | str | bytes | int | float | bool | None"

MAX_DEPTH, MAX_VALUES = 20, 20_000_000
PLAIN: dict[int, bool | None] = {0xC0: None, 0xC2: False, 0xC3: True}
NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}  # fmt: skip


class Sized(NamedTuple):
    """What follows a byte that says the kind: `length`: the format of the count in front of it."""

    kind: str
    length: str


SIZED = {
    0xC4: Sized("bytes", ">B"), 0xC5: Sized("bytes", ">H"), 0xC6: Sized("bytes", ">I"),
    0xD9: Sized("text", ">B"), 0xDA: Sized("text", ">H"), 0xDB: Sized("text", ">I"),
    0xDC: Sized("list", ">H"), 0xDD: Sized("list", ">I"), 0xDE: Sized("map", ">H"), 0xDF: Sized("map", ">I"),
}  # fmt: skip


def unpack(data: bytes) -> Packed:
    """The one value of `data`; lists are tuples, so that they may be keys. `ValueError` for anything else."""
    reader = Reader(data)
    try:
        value = reader.value(0)
    except (struct.error, IndexError, TypeError) as error:  # cut short, or a map as a key
        raise ValueError("no MessagePack") from error
    if reader.place != len(data):
        raise ValueError("more than one value")
    return value


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place, self.left = data, 0, MAX_VALUES

    def number(self, form: str) -> int | float:
        number: int | float = struct.unpack_from(form, self.data, self.place)[0]
        self.place += struct.calcsize(form)
        return number

    def value(self, depth: int) -> Packed:
        self.left -= 1
        if depth > MAX_DEPTH or self.left < 0:
            raise ValueError("nested too deeply, or too many values")
        first = self.data[self.place]
        self.place += 1
        if first <= 0x7F or first >= 0xE0:
            return first if first <= 0x7F else first - 256
        if first <= 0xBF:
            kind, count = ("map", first & 15) if first <= 0x8F else ("list", first & 15) if first <= 0x9F else ("text", first & 31)  # fmt: skip
            return self.sized(kind, count, depth)
        if first in PLAIN:
            return PLAIN[first]
        if first in NUMBERS:
            return self.number(NUMBERS[first])
        if first not in SIZED:
            raise ValueError("an extension")
        return self.sized(SIZED[first].kind, int(self.number(SIZED[first].length)), depth)

    def sized(self, kind: str, count: int, depth: int) -> Packed:
        if kind == "map":
            return {self.value(depth + 1): self.value(depth + 1) for _entry in range(count)}
        if kind == "list":
            return tuple(self.value(depth + 1) for _entry in range(count))
        if self.place + count > len(self.data):
            raise ValueError("cut short")
        piece = self.data[self.place : self.place + count]
        self.place += count
        return piece if kind == "bytes" else piece.decode("utf-8", "surrogatepass")
