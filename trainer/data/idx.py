"""Pictures and labels in the idx files of MNIST."""

import gzip
import io
import re
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.data import media
from trainer.data.archive_listing import MAX_ENTRIES
from trainer.data.file_parts import parts_of_names
from trainer.data.gathering import Meter
from trainer.data.media_files import Collection
from trainer.data.splitting import part_of_name
from trainer.data.tables.streams import Bounded
from trainer.data.tables.table import SEND_AGAIN
from trainer.errors import DataError
from trainer.messages import _

IDX_IMAGES, IDX_LABELS = b"\0\0\x08\x03", b"\0\0\x08\x01"
MAX_IDX_BYTES = 512 * 1024**2


def read_idx(path: Path, name: str) -> np.ndarray | None:
    """Pictures (count, height, width) or labels (count,) of a MNIST idx file, packed or not; None for anything else."""
    with path.open("rb") as file:
        head = file.read(4)
    packed_file = head[:2] == b"\x1f\x8b"
    if packed_file:
        try:
            with gzip.open(path) as packed:
                head = packed.read(4)
        except (OSError, EOFError, zlib.error):
            return None
    if head not in (IDX_IMAGES, IDX_LABELS):
        return None
    with io.BufferedReader(Bounded(path, name, packed_file), 1 << 18) as file:
        data = file.read(MAX_IDX_BYTES + 1)
    if len(data) > MAX_IDX_BYTES:
        raise DataError(
            _("%(name)s holds more than %(value)s MB of pixels.", name=name, value=MAX_IDX_BYTES >> 20),
            code="too_large",
            hint=_("Send a part of it."),
        )
    dimensions = head[3]
    shape = struct.unpack_from(f">{dimensions}I", data, 4) if len(data) >= 4 + 4 * dimensions else ()
    size = int(np.prod(shape, dtype=np.float64)) if shape else 0
    if not size or len(data) - 4 - 4 * dimensions != size:
        raise DataError(
            _(
                "%(name)s is damaged or incomplete: it says that it holds %(size)s bytes of pixels or labels, and does not.",
                name=name,
                size=f"{size:,}",
            ),
            code="damaged",
            hint=SEND_AGAIN,
        )
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


class IdxFile(NamedTuple):
    """Pictures (count, height, width) or labels (count,), and the part that was given for the file."""

    name: str
    array: np.ndarray
    given_part: str | None

    @property
    def part(self) -> str:
        """Given, or told by the file's name, by which pictures find their labels; "" where nothing tells."""
        return "test" if "t10k" in self.name.lower() else self.given_part or part_of_name(self.name) or ""


def collect_idx(files: list[IdxFile], folder: Path, meter: Meter) -> Collection:
    """Pairs of pictures and labels of equal count, in the order sent; parts only where both train and test came."""
    pictures = [file for file in files if file.array.ndim == 3]
    labels = [file for file in files if file.array.ndim == 1]
    check_pictures(pictures)
    folder.mkdir(parents=True, exist_ok=True)
    collection = Collection("image", "idx")
    for file, part in zip(pictures, parts_of_pictures(pictures), strict=True):
        pairs = zip(file.array, find_labels(file, labels), strict=True)
        for number, (pixels, label) in enumerate(pairs):
            picture = media.store_pixels(pixels, folder)
            collection.rows.append(
                {"image": picture.name, "file": f"{file.name} {number + 1}", "label": str(label), **picture.facts}
            )
            collection.parts.append(part)
            meter.add(1, meter.total * number // len(file.array))
    return collection


def parts_of_pictures(files: list[IdxFile]) -> list[str]:
    """The part of each file, given or told by their names together; "" where they make no split."""
    named_parts = parts_of_names([re.sub("t10k", "test", file.name, flags=re.IGNORECASE) for file in files])
    parts = [file.given_part or part or "" for file, part in zip(files, named_parts, strict=True)]
    return parts if len(set(parts)) > 1 else [""] * len(files)


def check_pictures(files: list[IdxFile]) -> None:
    """`DataError` for no pictures, too many, or too large ones."""
    if not files:
        raise DataError(
            _("Only labels came, no pictures."), code="no_rows", hint=_("Send both files of the pair together.")
        )
    count = sum(len(file.array) for file in files)
    if count > MAX_ENTRIES:
        raise DataError(
            _(
                "%(pictures)s holds %(count)s pictures; at most %(max_entries)s are read.",
                pictures=files[0].name,
                count=f"{count:,}",
                max_entries=f"{MAX_ENTRIES:,}",
            ),
            code="too_large",
            hint=_("Send a part of it."),
        )
    for file in files:
        if file.array[0].size > media.MAX_PIXELS:
            raise DataError(
                _(
                    "The pictures of %(name)s are larger than %(value)s million pixels.",
                    name=file.name,
                    value=media.MAX_PIXELS // 10**6,
                ),
                code="too_large",
                hint=_("Send smaller pictures."),
            )


def find_labels(pictures: IdxFile, files: list[IdxFile]) -> np.ndarray:
    """The labels that belong to the pictures: as many, of the same part if there are some; `DataError` where there are none."""
    fitting = [file for file in files if len(file.array) == len(pictures.array)]
    if not fitting:
        raise DataError(
            _(
                "The labels of %(name)s are missing: an idx1 file with %(count)s labels.",
                name=pictures.name,
                count=f"{len(pictures.array):,}",
            ),
            code="no_labels",
            hint=_("Send both files of the pair together."),
        )
    return next((file.array for file in fitting if file.part == pictures.part), fitting[0].array)
