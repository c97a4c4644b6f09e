"""Pictures and labels in the idx files of MNIST."""

import gzip
import io
import struct
import zlib
from pathlib import Path

import numpy as np

from trainer.data import media, media_archives
from trainer.data.archives import MAX_ENTRIES
from trainer.data.gathering import Meter
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


def collect_idx(
    files: list[tuple[str, np.ndarray, str | None]], folder: Path, meter: Meter
) -> media_archives.Collection:
    """Pairs of pictures and labels of equal count, in the order sent; parts only where both train and test came."""
    pictures = [file for file in files if file[1].ndim == 3]
    labels = [file for file in files if file[1].ndim == 1]
    count = sum(len(array) for _name, array, _part in pictures)
    if count > MAX_ENTRIES:
        raise DataError(
            _(
                "%(pictures)s holds %(count)s pictures; at most %(max_entries)s are read.",
                pictures=pictures[0][0],
                count=f"{count:,}",
                max_entries=f"{MAX_ENTRIES:,}",
            ),
            code="too_large",
            hint=_("Send a part of it."),
        )
    for name, array, _part in pictures:
        if array[0].size > media.MAX_PIXELS:
            raise DataError(
                _(
                    "The pictures of %(name)s are larger than %(value)s million pixels.",
                    name=name,
                    value=media.MAX_PIXELS // 10**6,
                ),
                code="too_large",
                hint=_("Send smaller pictures."),
            )
    folder.mkdir(parents=True, exist_ok=True)
    collection = media_archives.Collection("image", "idx")
    named = {idx_part(name, part) for name, _array, part in pictures}
    for name, array, part in pictures:
        own_part = idx_part(name, part)
        match = next(
            (file for file in labels if len(file[1]) == len(array) and idx_part(file[0], file[2]) == own_part), None
        )
        match = match or next((file for file in labels if len(file[1]) == len(array)), None)
        if match is None:
            raise DataError(
                _(
                    "The labels of %(name)s are missing: an idx1 file with %(count)s labels.",
                    name=name,
                    count=f"{len(array):,}",
                ),
                code="no_labels",
                hint=_("Send both files of the pair together."),
            )
        for number, (pixels, label) in enumerate(zip(array, match[1], strict=True)):
            picture = media.store_pixels(pixels, folder)
            collection.rows.append(
                {"image": picture.name, "file": f"{name} {number + 1}", "label": str(label), **picture.facts}
            )
            collection.parts.append(own_part if len(named) > 1 else "")
            meter.add(1, meter.total * number // len(array))
    if not pictures:
        raise DataError(
            _("Only labels came, no pictures."), code="no_rows", hint=_("Send both files of the pair together.")
        )
    return collection


def idx_part(name: str, part: str | None) -> str:
    return "test" if "t10k" in name.lower() else part or part_of_name(name) or ""
