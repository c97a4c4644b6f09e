"""Files that nobody would make by hand: any names in an archive, and files with broken bytes, become a version or a refusal
in words. Nothing is written beside the version, and no other exception gets out."""

import contextlib
import gzip
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trainer.data_files import classes, old_workbook, picture, sound, workbook, zipped
from trainer.data.inspect import inspect
from trainer.data.tables.formats import open_table
from trainer.errors import DataError

FEW = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
PARTS = st.one_of(
    st.sampled_from(["..", ".", "", "C:", "c:\\", "\\\\server", "/", "~", "CON", "NUL.png", "__MACOSX", ".git", "train", "test", "labels", "x" * 300]),
    st.sampled_from(["cat", "Cat", "CAT", "dog", "猫", "cat ", "café", "cafe\u0301", "\u202egnp", "a\nb", "a\x00b"]),
    st.text(max_size=6),
)  # fmt: skip
NAMES = st.builds(
    lambda root, parts, slash, end: root + slash.join(parts) + end,
    st.sampled_from(["", "", "", "/", "../", "{base}/", "C:\\"]),
    st.lists(PARTS, min_size=1, max_size=5),
    st.sampled_from(["/", "/", "\\"]),
    st.sampled_from([".png", ".png", ".PNG", ".txt", ".csv", ".zip", ".json", ".xml", ""]),
)
BODIES = st.sampled_from(
    [picture(1), picture(2), picture(3), b"", b"text,label\na,b\n", b"PK\3\4", b"\x89PNG", b"{}", b"0 0.5 0.5 1 1"]
)


def read(path: Path, place: Path) -> None:
    """A version or a refusal in words, in a folder of which everything is accounted for."""
    said = None
    try:
        inspect([path], place / "out" / "v1")
    except DataError as error:
        said = error
    assert said is None or (said.message and said.hint)
    assert {one.name for one in place.iterdir()} <= {path.name, "out"}
    if (place / "out").exists():
        assert [one.name for one in (place / "out").iterdir()] == ["v1"]


def write_zip(path: Path, files: list[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(path, "w") as archive, contextlib.suppress(UnicodeEncodeError):
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data)


def write_tar(path: Path, files: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


@FEW
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("write", [write_zip, write_tar])
@given(files=st.lists(st.tuples(NAMES, BODIES), max_size=12), plain=st.booleans(), number=st.integers(0, 10**12))
def test_any_names_in_an_archive(
    write: Callable[[Path, list[tuple[str, bytes]]], None],
    files: list[tuple[str, bytes]],
    plain: bool,
    number: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("any")
    named = [(name.replace("{base}", str(place)), data) for name, data in files]
    write(place / "a.bin", named + (list(classes().items()) if plain else []))
    read(place / "a.bin", place)


def test_a_name_that_a_nul_cuts_to_nothing(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", [("\0.png", picture(1)), *classes().items()])
    found = inspect([tmp_path / "a.zip"], tmp_path / "v1")
    assert found["rows"] == 16
    assert "a file has no name" in str(found["problems"])


def as_tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(data), {"comment": "x"}
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def as_zip(files: dict[str, bytes], tmp_path: Path) -> bytes:
    return zipped(tmp_path / "made.zip", files).read_bytes()


COCO = json.dumps(
    {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 24, "height": 16} for n in range(12)],
        "annotations": [{"id": n, "image_id": n, "category_id": n % 2, "bbox": [1, 1, 5, 5]} for n in range(12)],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }
).encode()
VOC = b"<annotation><filename>%d.png</filename><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
TABLE: dict[str, list[str]] = {"text": [f"message {n}" for n in range(40)], "label": ["a", "b"] * 20}


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(TABLE), buffer)
    return buffer.getvalue()


def spoiled(data: bytes, seed: int) -> bytes:
    """Some bytes flipped, a piece removed, repeated or overwritten, or the end cut off."""
    chosen = random.Random(seed)
    new = bytearray(data)
    for _ in range(chosen.choice([1, 1, 2, 5, 30])):
        at = chosen.randrange(len(new) + 1)
        length = chosen.choice([1, 1, 2, 4, 16, 200])
        way = chosen.randrange(6)
        if way == 0:
            del new[at:]
        elif way == 1:
            del new[at : at + length]
        elif way == 2:
            new[at:at] = new[at : at + length]
        elif way == 3:
            new[at : at + length] = bytes([chosen.choice([0, 255])]) * length
        elif at < len(new):
            new[at] ^= 1 << chosen.randrange(8) if way == 4 else chosen.randrange(256)
    return bytes(new)


WHOLE: dict[str, Callable[[Path, int], bytes]] = {
    "xlsx": lambda _place, seed: spoiled(workbook({"S": [list(TABLE), *zip(*TABLE.values(), strict=True)]}), seed),
    "sheet": lambda place, seed: as_zip(spoiled_part(workbook({"S": [list(TABLE), *zip(*TABLE.values(), strict=True)]}), seed), place),
    "xls": lambda _place, seed: spoiled(old_workbook(*((row, column) for row in range(30) for column in range(2))), seed),
    "zip": lambda place, seed: spoiled(as_zip(classes(), place), seed),
    "tar": lambda _place, seed: spoiled(as_tar(classes()), seed),
    "packed tar": lambda _place, seed: spoiled(gzip.compress(as_tar(classes()), mtime=0), seed),
    "spoiled tar, packed": lambda _place, seed: gzip.compress(spoiled(as_tar(classes()), seed)),
    "parquet": lambda _place, seed: spoiled(parquet(), seed),
    "pictures": lambda place, seed: as_zip({name: spoiled(data, seed + at) for at, (name, data) in enumerate(pictures().items())}, place),
    "sounds": lambda place, seed: as_zip({name: spoiled(data, seed + at) for at, (name, data) in enumerate(classes(each=3, form=sound).items())}, place),
    "coco": lambda place, seed: as_zip({f"{n}.png": picture(n) for n in range(12)} | {"c.json": spoiled(COCO, seed)}, place),
    "voc": lambda place, seed: as_zip({f"{n}.png": picture(n) for n in range(12)} | {f"{n}.xml": spoiled(VOC % n, seed + n) for n in range(12)}, place),
}  # fmt: skip
"""A file of each kind, spoiled by a seed."""


def pictures() -> dict[str, bytes]:
    forms = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM")
    return {f"{'ab'[n % 2]}/{n}.{form.lower()}": picture(n, (30, 20), form) for n, form in enumerate(forms * 2)}


def spoiled_part(book: bytes, seed: int) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = random.Random(seed).choice(sorted(parts))
    return parts | {name: spoiled(parts[name], seed)}


@FEW
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", WHOLE)
@given(seed=st.integers(0, 10**9))
def test_broken_bytes(kind: str, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("broken")
    (place / "in").mkdir()
    data = WHOLE[kind](place / "in", seed)
    (place / "in" / "a.bin").write_bytes(data)
    (place / "in" / "made.zip").unlink(missing_ok=True)
    read(place / "in" / "a.bin", place / "in")


def test_a_parquet_file_is_refused_by_the_rows_that_it_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["a"] * 20_000, "label": ["b"] * 20_000}), path)
    assert next(open_table(path).batches)
    monkeypatch.setattr("trainer.data.memory.memory_bytes", lambda: 2**20)
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", None)  # none of it is read
    with pytest.raises(DataError, match="declares 20,000 rows and 2 columns") as refused:
        open_table(path)
    assert refused.value.code == "too_large"


def test_values_that_unpack_to_far_more_are_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.parquet"
    pq.write_table(pa.table({"text": ["a" * 2**21], "label": ["b"]}), path, use_dictionary=False)
    monkeypatch.setattr("trainer.data.memory.memory_bytes", lambda: 2**20)
    with pytest.raises(DataError, match="more memory than a reader may have"):
        open_table(path)
