"""Bytes of a small text file as text, whatever their encoding."""

from trainer.data.tables.text import MARKS, likely_encoding, utf16

SAMPLE_BYTES = 1 << 16


def decode_text(data: bytes) -> str:
    """By byte order mark, as UTF-16 by its zero bytes, as UTF-8, else in the encoding in which it makes most sense."""
    encoding = next((encoding for mark, encoding in MARKS if data.startswith(mark)), None) or utf16(data)
    if encoding is None:
        try:
            return data.decode("utf-8").replace("\0", "")
        except UnicodeDecodeError:
            encoding = likely_encoding(
                b"\n".join(line for line in data[:SAMPLE_BYTES].splitlines() if not line.isascii())
            )
    return data.decode(encoding, "replace").lstrip("\ufeff").replace("\0", "")
