"""Archives that would fill the memory, the disk or the day, and where things are unpacked."""

import gzip
import io
import lzma
import shutil
import struct
import tarfile
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.data_files import classes, picture, zipped
from trainer import disk
from trainer.data import archive_listing, tempspace, unpacking, uploads
from trainer.data.archive_listing import open_archive
from trainer.data.inspect import inspect
from trainer.data.loading import load_files
from trainer.errors import DataError
from trainer.spec import DatasetSpec

TABLE = b"text,label\n" + b"".join(b"message number %d,%s\n" % (n, b"ab"[n % 2 : n % 2 + 1]) for n in range(60))


def head(name: str, kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // 512) * 512, b"\0")


def tar_of(*files: tuple[str, bytes], before: bytes = b"") -> bytes:
    plain = b"".join(head(name, tarfile.REGTYPE, len(data)) + padded(data) for name, data in files)
    return before + plain + b"\0" * 1024


def refused(path: Path, data: bytes) -> DataError:
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        open_archive(path, path.name)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (tarfile.GNUTYPE_LONGNAME, 2 << 20),
        (tarfile.GNUTYPE_LONGLINK, 2 << 20),
        (tarfile.XHDTYPE, 2 << 20),
        (tarfile.XGLTYPE, 20_000),
    ],
)
def test_a_header_of_megabytes_is_not_read(kind: bytes, size: int, tmp_path: Path) -> None:
    before = head("x", kind, size) + padded(b"a" * size)
    error = refused(tmp_path / "a.tar", tar_of(("a.csv", TABLE), before=before))
    assert (error.code, "megabytes" in error.message) == ("too_large", True)


def test_many_long_headers_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_HEADERS_BYTES", 5_000)
    long = head("x", tarfile.GNUTYPE_LONGNAME, 900) + padded(b"a" * 900)
    files = b"".join(long + head("y", tarfile.REGTYPE, 0) for _ in range(20))
    assert refused(tmp_path / "a.tar", tar_of(before=files)).code == "too_large"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (b"27 GNU.sparse.size=1000000\n", "not_a_table"),
        (b"31 GNU.sparse.major=1000000\n", "not_a_table"),
        (b"1" * 5_000, "damaged"),
        (b"20 size=-1000000000\n", "damaged"),
    ],
)
def test_attributes_that_would_trick_the_library(record: bytes, code: str, tmp_path: Path) -> None:
    before = head("x", tarfile.XHDTYPE, len(record)) + padded(record)
    assert refused(tmp_path / "a.tar", tar_of(("a.csv", TABLE), before=before)).code == code


def test_old_sparse_files_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.tar", head("x", tarfile.GNUTYPE_SPARSE, 10) + b"\0" * 2048).code == "not_a_table"


def test_a_packed_tar_that_unpacks_to_far_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "EXPANSION_FREE", 1 << 20)
    data = tar_of(("a.csv", b"a" * (8 << 20)))
    for packed in (gzip.compress(data), lzma.compress(data)):
        assert refused(tmp_path / "a.tar.gz", packed).code == "too_large"


def test_streams_one_after_the_other_are_one_archive(tmp_path: Path) -> None:
    data = tar_of(("a.csv", TABLE))
    for pack in (gzip.compress, lzma.compress):
        (tmp_path / "a").write_bytes(pack(data[:700]) + pack(data[700:]) + b"\0" * 512)
        with open_archive(tmp_path / "a", "a") as archive:
            assert archive.read(archive.entries[0]) == TABLE
        (tmp_path / "a").write_bytes(pack(data)[:-5])
        with pytest.raises(DataError, match="cut short"):
            open_archive(tmp_path / "a", "a")


def test_an_xz_that_asks_for_gigabytes_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    packed = lzma.compress(tar_of(("a.csv", TABLE)), filters=filters)
    assert refused(tmp_path / "a.tar.xz", packed).code == "damaged"


def test_a_packed_tar_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(
        archive_listing, "unpack_to_file", lambda *given: opened.append(given) or unpacking.unpack_to_file(*given)
    )
    names = [f"images/{n}.png" for n in range(12)]
    table = "file_name,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in reversed(range(12)))
    files = [(name, picture(n)) for n, name in enumerate(names)] + [("t.csv", table.encode())]
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar_of(*files)))
    assert inspect([tmp_path / "a.tar.gz"], tmp_path / "v1")["rows"] == 12
    assert len(opened) == 1


def test_a_zip_that_lists_too_many_files_is_not_listed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": TABLE})
    raw = path.read_bytes()
    at = raw.rfind(b"PK\5\6")
    long = struct.pack("<HI", 1, 0xFFFFFFF0)
    path.write_bytes(raw[: at + 10] + long + raw[at + 16 :])
    with pytest.raises(DataError, match="more than 250,000 files"):
        archive_listing.is_archive(path)


def test_a_zip_whose_dictionary_asks_for_gigabytes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        for name, data in classes().items():
            archive.writestr(name, data)
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    at = raw.find(b"\x09\x04\x05\x00\x5d")
    assert at > 0
    raw[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    (tmp_path / "a.zip").write_bytes(raw)
    assert inspect([tmp_path / "a.zip"], tmp_path / "v1")["rows"] >= 15


# Where it is unpacked


def test_everything_is_unpacked_below_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = []
    opened = uploads.open_archive
    monkeypatch.setattr(uploads, "open_archive", lambda *given: places.append(tempspace.FOLDER.get()) or opened(*given))
    inspect([zipped(tmp_path / "a.zip", {"a.csv": TABLE})], tmp_path / "v1")
    assert places == [tmp_path / "v1.part" / "scratch"]
    assert {one.name for one in (tmp_path / "v1").iterdir()} == {
        "data.parquet", "split.parquet", "profile.json", "problems.json",
    }  # fmt: skip
    assert tempspace.FOLDER.get() is None


def test_training_straight_from_an_archive_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    path = zipped(tmp_path / "a.zip", {"a.csv": TABLE})
    load_files(path, DatasetSpec(path=str(path)), "text-classification")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_full_disk_is_told_before_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(1, 1, disk.RESERVE_BYTES + 100))
    with pytest.raises(DataError, match="no room on this machine's disk") as caught:
        inspect([zipped(tmp_path / "a.zip", {"a.csv": TABLE})], tmp_path / "v1")
    assert caught.value.code == "no_space"
    assert not list(tmp_path.glob("v1*"))


def test_a_disk_that_fills_on_the_way_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trainer.data.media.write_once", full)
    with pytest.raises(DataError, match="no room") as caught:
        inspect([zipped(tmp_path / "a.zip", classes())], tmp_path / "v1")
    assert caught.value.code == "no_space"


def test_memory_that_runs_out_is_no_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*_given: object, **_named: object) -> None:
        raise MemoryError

    monkeypatch.setattr("trainer.data.inspect.read_files", short)
    with pytest.raises(DataError, match="more memory"):
        inspect([zipped(tmp_path / "a.zip", classes())], tmp_path / "v1")


# Pairs of pixels and labels


def idx(count: int, *shape: int) -> bytes:
    return bytes([0, 0, 8, 1 + len(shape)]) + struct.pack(f">{1 + len(shape)}I", count, *shape)


def test_a_packed_pair_that_is_a_bomb(tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(gzip.compress(idx(100_000, 28, 28) + b"\0" * (100 << 20)))
    with pytest.raises(DataError, match="unpacks to more than"):
        inspect([tmp_path / "images.gz"], tmp_path / "v1")


def test_too_many_pictures_are_counted_in_words(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(idx(250_001, 1, 1) + b"\0" * 250_001)
    (tmp_path / "labels").write_bytes(idx(250_001) + b"\0" * 250_001)
    with pytest.raises(DataError, match="holds 250,001 pictures; at most 250,000"):
        inspect([tmp_path / "images", tmp_path / "labels"], tmp_path / "v1")


def test_only_pictures_that_need_one_have_a_small_one(tmp_path: Path) -> None:
    files = classes() | {"cat/large.png": picture(3, (400, 300)), "dog/large.jpg": picture(4, (900, 30), "JPEG")}
    files |= {"dog/turned.tif": picture(5, (40, 30), "TIFF")}
    inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert len(list((tmp_path / "v1" / "thumbs").iterdir())) == 3
    assert len(list((tmp_path / "v1" / "media").iterdir())) == 19


def test_sizes_are_those_of_the_picture_not_of_its_draft(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (600, 800, 3), dtype=np.uint8)
    from PIL import Image

    from trainer.data.media import read_image

    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(buffer, "JPEG", exif=exif)
    suffix, facts, small = read_image(buffer.getvalue())
    assert (suffix, facts) == ("jpg", {"width": "600", "height": "800", "mode": "RGB"})
    assert small
    assert Image.open(io.BytesIO(small)).size == (120, 160)
