"""Text files some of whose lines are UTF-8 and others in an older encoding, as files that several programs wrote into are: a codec that
reads each byte sequence that is no UTF-8 as Windows wrote it."""

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PREFIX = "utf-8-and-"
SINGLE = ("cp1252", "cp1251")
"""Encodings of a byte a character, whose bytes can be told apart from UTF-8 one by one."""
LEAST_LINES, LEAST_SHARE = 3, 0.25
"""Lines that must be UTF-8, of those with letters beyond ASCII, for the others to be lines of another encoding: by chance few are."""


def are_mixed(lines: Sequence[bytes]) -> bool:
    """Whether a good part of the lines with letters beyond ASCII is UTF-8 and others are not."""
    valid = sum(is_utf8(line) for line in lines)
    return valid >= LEAST_LINES and LEAST_SHARE * len(lines) <= valid < len(lines)


def is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def mixed_name(other: str) -> str:
    """The name of the codec for UTF-8 mixed with another encoding; "" where their bytes cannot be told apart."""
    other = other.lower().replace("windows-", "cp")
    return PREFIX + other if other in SINGLE else ""


def find_codec(name: str) -> codecs.CodecInfo | None:
    """What Python's registry asks, with the marks of the name as it folds them."""
    folded = name.replace("_", "-")
    other = folded.removeprefix(PREFIX)
    if other == folded or other not in SINGLE:
        return None
    errors = f"read-{other}"

    def read_byte(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        return error.object[error.start : error.end].decode(other, "replace"), error.end

    codecs.register_error(errors, read_byte)

    class Decoder(codecs.BufferedIncrementalDecoder):
        def _buffer_decode(self, input: "ReadableBuffer", _errors: str, final: bool) -> tuple[str, int]:
            return codecs.utf_8_decode(input, errors, final)

    def decode(data: "ReadableBuffer", _errors: str = "strict") -> tuple[str, int]:
        return bytes(data).decode("utf-8", errors), len(bytes(data))

    return codecs.CodecInfo(codecs.utf_8_encode, decode, incrementaldecoder=Decoder, name=folded)


codecs.register(find_codec)
