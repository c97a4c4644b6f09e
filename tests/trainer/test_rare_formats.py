"""WebDataset's archives are read; formats that are not read are named, each with what to do; hostile media end in a sentence."""

import io
import json
import struct
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import picture, sound, zipped
from tests.trainer.test_data_media_formats import HEIC, film
from tests.trainer.test_data_uploads import rows_of
from trainer.data import media_video
from trainer.data.inspect import inspect
from trainer.data.media import UnreadableError
from trainer.data.media_conversion import store_picture
from trainer.data.media_video import video_frames
from trainer.errors import DataError


def tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def kept_and_told(found: dict[str, Any]) -> int:
    return int(found["rows"]) + sum(entry["count"] for entry in found["left_out"])


@pytest.mark.parametrize("form", ["cls", "json", "txt"])
def test_webdataset_shards(form: str, tmp_path: Path) -> None:
    beside = {
        "cls": lambda n: str(n % 3).encode(),
        "json": lambda n: json.dumps({"label": n % 3, "source": f"camera {n}"}).encode(),
        "txt": lambda n: f"a picture of thing number {n}".encode(),
    }[form]
    for shard, part in enumerate(("train", "train", "test")):
        files: dict[str, bytes] = {}
        for n in range(10):
            files[f"{n:04}.png"], files[f"{n:04}.{form}"] = picture(10 * shard + n), beside(n)
        tar(tmp_path / f"{shard}-{part}-{shard:06}.tar", files)
    found = inspect(sorted(tmp_path.glob("*.tar")), tmp_path / "v")
    assert (found["rows"], found["split"]["test"], kept_and_told(found)) == (30, 10, 30)
    row = rows_of(tmp_path / "v")[1]
    assert row["text" if form == "txt" else "label"] == ("a picture of thing number 1" if form == "txt" else "1")


def test_webdataset_of_sounds(tmp_path: Path) -> None:
    files = {f"{n}{ending}": data for n in range(12) for ending, data in
             ((".wav", sound(20 + n)), (".json", json.dumps({"text": f"words of {n}", "speaker": "Ann"}).encode()))}  # fmt: skip
    found = inspect([tar(tmp_path / "a.tar", files)], tmp_path / "v")
    assert (found["rows"], found["suggestion"]["task"]) == (12, "speech-recognition")


def tfrecord(count: int = 3) -> bytes:
    """Records with the lengths' real checksums (of a length of 100, as TensorFlow writes it)."""
    record = struct.pack("<Q", 100) + crc_of_length(100) + bytes(100) + bytes(4)
    return record * count


def crc_of_length(length: int) -> bytes:
    table = []
    for byte in range(256):
        value = byte
        for _bit in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    crc = 0xFFFFFFFF
    for byte in struct.pack("<Q", length):
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def test_tfrecord_is_named_alone_and_in_an_archive(tmp_path: Path) -> None:
    (tmp_path / "train.tfrecord-00000-of-00002").write_bytes(tfrecord())
    with pytest.raises(DataError) as alone:
        inspect([tmp_path / "train.tfrecord-00000-of-00002"], tmp_path / "v")
    assert "TFRecord" in str(alone.value)
    assert "Parquet" in str(alone.value.hint)
    with pytest.raises(DataError) as packed:
        inspect([zipped(tmp_path / "a.zip", {"x/train.tfrecord-00000-of-00002": tfrecord()})], tmp_path / "v")
    assert "Parquet" in str(packed.value.hint)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x93NUMPY\x01\0", "numpy"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"MATLAB 5.0 MAT-file", "MATLAB"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"\0" * 128 + b"DICM", "DICOM"),
        (b"MThd\0\0", "MIDI"),
        (b"FEA1\0\0\0\0", "Feather"),
    ],
)
def test_rare_formats_are_named(head: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "thing").write_bytes(head + bytes(600))
    with pytest.raises(DataError, match=kind):
        inspect([tmp_path / "thing"], tmp_path / "v")


# Hostile


def test_a_photo_of_fifty_thousand_pixels_a_side_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    huge = HEIC.replace(struct.pack(">II", 64, 64), struct.pack(">II", 50_000, 50_000))
    assert huge != HEIC
    with pytest.raises(UnreadableError):
        store_picture(huge, tmp_path, ".heic")
    assert list(tmp_path.iterdir()) == []


def test_a_png_that_unpacks_to_gigapixels_is_refused(tmp_path: Path) -> None:
    head, rows = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0), zlib.compress(bytes(1 << 20))
    chunks = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    )
    with pytest.raises(UnreadableError, match="60,000 × 60,000"):
        store_picture(b"\x89PNG\r\n\x1a\n" + chunks, tmp_path)


def test_a_video_that_works_too_long_gives_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_video, "MAX_DECODED", 25)
    assert [second for second, _jpeg in video_frames(film(20), every=1.0)] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_media_cut_short_are_told(share: float, tmp_path: Path) -> None:
    whole = {"heic": HEIC, "mp4": film(2), "png": picture(3), "wav": sound(30)}
    files = {
        f"cat/{n}.{kind}": data[: int(share * len(data))]
        for n, (kind, data) in enumerate(whole.items())
        if kind != "wav"
    }
    fine = {f"{name}/ok{n}.png": picture(50 + n) for name in ("cat", "dog") for n in range(6)}
    found = inspect([zipped(tmp_path / "a.zip", files | fine)], tmp_path / "v")
    assert found["rows"] >= 12
    told = {example.split()[0] for entry in found["left_out"] for example in entry["examples"]}
    kept = {row["file"] for row in rows_of(tmp_path / "v")}
    assert kept | told == set(files) | set(fine)
