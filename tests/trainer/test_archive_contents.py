"""What an archive holds: each of its files can be read, is hidden, or is left out and told why; streams are unpacked as the
standard library packs them."""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import unmapped
from trainer.data.archive_listing import is_archive, loose_files, name_decoder, open_archive
from trainer.data.archive_reports import empty_folder_problems, folders_above, hidden_left_out
from trainer.data.repeated_files import find_repeated, tell_repeated
from trainer.data.unpacking import EXPANSION_FREE, MAX_UNPACKED_BYTES, is_bomb, is_packed, pieces, unpack_to_file
from trainer.errors import DataError

often = settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def zipped(path: Path, files: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data)
    return path


def tarred(path: Path, files: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


NAMES = some.sampled_from(
    [
        "a.csv",
        "b/c.png",
        "../up.csv",
        "/root.csv",
        ".DS_Store",
        "__MACOSX/a.csv",
        "b/Thumbs.db",
        "d/.hidden",
        "x\\y.csv",
        "中/文.txt",
        "C:/z.csv",
        "e/./f.csv",
    ]
)


@often
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("pack", [zipped, tarred])
@given(some.lists(some.tuples(NAMES, some.binary(max_size=20)), min_size=1, max_size=10))
def test_every_file_is_read_hidden_or_told(pack: object, tmp_path: Path, files: list[tuple[str, bytes]]) -> None:
    path = (zipped if pack is zipped else tarred)(tmp_path / "data", [("keep.csv", b"x"), *files])
    with open_archive(path, "data") as archive:
        assert len(archive.entries) + archive.skipped_count + archive.hidden_count == 1 + len(files)
        names = [entry.name for entry in archive.entries]
        assert len(names) == len(set(names))
        assert not any(name.startswith(("/", "..")) or "\\" in name for name in names)
        first = {name.replace("\\", "/").replace("/./", "/"): data for name, data in reversed(files)}
        for entry in archive.entries:
            assert archive.read(entry, 100) == first.get(entry.name, b"x")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_left_out_has_its_reason(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "data.zip",
        [("a.csv", b"1"), ("a.csv", b"2"), ("../b.csv", b"3"), ("inner.zip", b"PK\x03\x04..."), ("no.zip", b"text")],
    )
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with open_archive(path, "data.zip") as read:
        assert [entry.name for entry in read.entries] == ["a.csv", "no.zip"]
        assert dict(read.skipped) == {
            "a.csv": "is there twice",
            "../b.csv": "points outside the archive",
            "inner.zip": "is an archive inside the archive",
            "link.csv": "is a link",
        }


def test_links_and_devices_of_a_tar_are_told(tmp_path: Path) -> None:
    path = tarred(tmp_path / "data.tar", [("a.csv", b"1")])
    with tarfile.open(path, "a") as archive:
        for name, kind in (
            ("link", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("pipe", tarfile.FIFOTYPE),
            ("device", tarfile.CHRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    with open_archive(path, "data.tar") as read:
        assert [entry.name for entry in read.entries] == ["a.csv"]
        assert set(dict(read.skipped).values()) == {"is a link or a device"}
        assert read.skipped_count == 4


@pytest.mark.parametrize(
    ("files", "code", "message"),
    [
        ([], "empty_file", "data holds no files."),
        ([(".DS_Store", b"x")], "empty_file", "data holds no files."),
        ([("in.zip", b"PK\x03\x04")], "not_a_table", "data holds only other archives, which are never opened."),
        ([("../a", b"x")], "not_a_table", "Nothing in data can be used: ../a points outside the archive."),
    ],
)
def test_an_archive_without_a_file_is_refused_in_words(
    files: list[tuple[str, bytes]], code: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as refused:
        open_archive(zipped(tmp_path / "data", files), "data")
    assert (refused.value.code, str(refused.value)) == (code, message)
    assert refused.value.hint


# Names in other encodings


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-8", "猫/é.png"), ("gb18030", "猫咪/图片一.png"), ("cp1252", "Größe/é.png")]
)
def test_names_without_a_mark_are_read_as_they_were_written(encoding: str, name: str) -> None:
    written = name.encode(encoding).decode("cp437")
    assert name_decoder(["plain.png", written])(written) == name
    assert name_decoder(["plain.png"])("plain.png") == "plain.png"


# Streams


@often
@given(
    some.lists(some.binary(max_size=3_000), min_size=1, max_size=4),
    some.sampled_from([gzip, bz2, lzma]),
    some.sampled_from([b"", b"\0" * 512]),
)
def test_streams_are_unpacked_as_they_were_packed(
    tmp_path: Path, contents: list[bytes], library: object, padding: bytes
) -> None:
    pack = {gzip: gzip.compress, bz2: bz2.compress, lzma: lzma.compress}[library]  # type: ignore[index]
    path = tmp_path / "packed"
    path.write_bytes(b"".join(pack(content) for content in contents) + padding)
    assert is_packed(path.read_bytes()[:8])
    assert b"".join(pieces(path)) == b"".join(contents)
    with unpack_to_file(path, "packed") as file:
        assert file.read() == b"".join(contents)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_stream_cut_short_is_no_end(pack: object, tmp_path: Path) -> None:
    data = pack(bytes(range(256)) * 50)  # type: ignore[operator]
    (tmp_path / "packed").write_bytes(data[: len(data) // 2])
    with pytest.raises(EOFError):
        list(pieces(tmp_path / "packed"))


@pytest.mark.parametrize(
    ("unpacked", "packed", "says"),
    [
        (0, 0, False),
        (EXPANSION_FREE, 1, False),
        (EXPANSION_FREE + 1, 1, True),
        (EXPANSION_FREE + 1, EXPANSION_FREE // 100, False),
        (MAX_UNPACKED_BYTES, MAX_UNPACKED_BYTES, False),
        (MAX_UNPACKED_BYTES + 1, MAX_UNPACKED_BYTES, True),
    ],
)
def test_a_bomb_is_told_by_its_size_and_its_expansion(unpacked: int, packed: int, says: bool) -> None:
    assert is_bomb(unpacked, packed) == says


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.zip", "zip", True),
        ("a.tar", "tar", True),
        ("a.tgz", "tgz", True),
        ("a.csv.gz", "gz", False),
        ("a.xlsx", "office", False),
        ("a.csv", "text", False),
        ("empty", "", False),
    ],
)
def test_an_archive_is_known_by_its_content(name: str, content: str, says: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    if content == "zip":
        zipped(path, [("a.csv", b"1")])
    elif content == "office":
        zipped(path, [("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")])
    else:
        tar = tarred(tmp_path / "inner.tar", [("a.csv", b"1")]).read_bytes()
        path.write_bytes(
            {"tar": tar, "tgz": gzip.compress(tar), "gz": gzip.compress(b"a,b\n1,2\n"), "text": b"a,b\n", "": b""}[
                content
            ]
        )
    assert is_archive(path) == says


# What lies beside the files


def test_hidden_files_are_counted_and_empty_folders_named(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "d.zip",
        [
            ("set/cats/1.png", b"x"),
            ("set/dogs/", b""),
            ("set/birds/.DS_Store", b"x"),
            ("set/birds/", b""),
            ("set/a/b/", b""),
            ("set/", b""),
        ],
    )
    with open_archive(path, "d.zip") as archive:
        (hidden,) = hidden_left_out(archive)
        assert (hidden.reason, hidden.count, hidden.examples) == ("hidden", 1, ["set/birds/.DS_Store"])
        (empty,) = empty_folder_problems(archive)
        assert (empty["count"], empty["examples"]) == (2, ["set/a/b", "set/dogs"])


def test_loose_files_lie_as_in_an_archive(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    archive = loose_files([(tmp_path / "one", "a/x.csv"), (tmp_path / "two", "a/x.csv")], "upload")
    assert [entry.name for entry in archive.entries] == ["a/x.csv"]
    assert archive.skipped == [("a/x.csv", "is there twice")]
    assert folders_above("a/b/c.csv") == ["a", "a/b"]


# The same file twice


@often
@given(some.lists(some.sampled_from([b"", b"a", b"b", b"long content", b"long-content"]), max_size=8))
def test_a_file_that_came_again_leads_to_the_first(tmp_path: Path, contents: list[bytes]) -> None:
    paths = [tmp_path / str(place) for place in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    wanted = {
        place: contents.index(content)
        for place, content in enumerate(contents)
        if content and contents.index(content) != place
    }
    assert find_repeated(paths) == wanted


def test_the_rows_of_a_file_that_came_again_are_told() -> None:
    made = unmapped(a=["1"])
    made.sources = [{"name": "a.csv", "rows": 1_200}, {"name": "b.csv", "rows": 1}]
    tell_repeated(made, [("a (1).csv", "a.csv"), ("b (1).csv", "b.csv")])
    assert [(entry["reason"], entry["count"], entry["file"]) for entry in made.left_out] == [
        ("same_file", 1_200, "a (1).csv"),
        ("same_file", 1, "b (1).csv"),
    ]
    assert made.problems[0]["message"] == "a (1).csv is the same file as a.csv, so its 1,200 rows were counted once."
    assert made.problems[1]["message"].endswith("its 1 row was counted once.")
