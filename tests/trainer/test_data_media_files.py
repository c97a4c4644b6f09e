"""Files of an archive and what they are: safe paths, the file that a name means, its class and part, and tables beside them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.data_files import picture, zipped
from trainer.data.archive_listing import name_decoder, open_archive
from trainer.data.archives import Archive, common_folder, printable
from trainer.data.gathering import Meter
from trainer.data.media_archives import holds_media, read_collection
from trainer.data.media_files import Collection, Files, MediaRow
from trainer.data.media_tables import naming_column, rows_of_table
from trainer.data.splitting import part_of_name
from trainer.data.tables.formats import open_table
from trainer.events import silent
from trainer.paths import safe_path

QUICK = settings(max_examples=80, deadline=None, derandomize=True)


def archive_of(folder: Path, names: Sequence[str], data: bytes = b"x") -> Archive:
    return open_archive(zipped(folder / "a.zip", dict.fromkeys(names, data)), "a.zip")


def files_of(folder: Path, *names: str) -> Files:
    return Files(archive_of(folder, names), "image")


# Paths


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b.png", "a/b.png"),
        ("a\\b.png", "a/b.png"),
        ("./a//b/./c", "a/b/c"),
        ("..a/b..", "..a/b.."),
        ("a" * 1_000, "a" * 1_000),
        ("/".join(["a"] * 40), "/".join(["a"] * 40)),
        ("猫/犬.png", "猫/犬.png"),
        ("a\ud800", "a?"),
        ("cafe\u0301/e\u0301.png", "caf\u00e9/\u00e9.png"),  # as a Mac writes it, and as all others do
        ("con/aux.png", "con/aux.png"),  # no file is made under this name
        ("a" * 1_001, None),
        ("/".join(["a"] * 41), None),
        *((name, None) for name in ("", ".", "./", "/a", "\\a", "C:\\a", "c:a", "..", "a/../b", "..\\a")),
        *((name, None) for name in ("a\nb", "a\0b", "a\x7fb", "a\x1fb")),
    ],
)
def test_a_path_stays_in_its_archive_or_is_refused(name: str, path: str | None) -> None:
    assert safe_path(name) == path


@QUICK
@given(st.lists(st.sampled_from(["..", ".", "", "a", "b", "C:", "\\", "\n", "猫", "/"]), max_size=8).map("/".join))
def test_a_safe_path_joined_to_a_folder_is_below_it(name: str) -> None:
    path = safe_path(name)
    if path is not None:
        root = Path("/srv/data")
        assert (root / path).resolve().is_relative_to(root)
        assert (root / path).resolve() != root
        assert safe_path(path) == path


def test_a_name_is_shown_on_one_line_in_reading_order() -> None:
    assert printable("a\n\tb\u202egnp.exe\u2066") == "a b gnp.exe "
    assert len(printable("a" * 999)) == 200
    assert printable("a\ud800") == "a?"


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("ascii", ["cat/1.png"]),
        ("utf-8", ["猫/一.png", "c.png"]),
        ("utf-8", ["Ärger/été.png"]),
        ("gb18030", ["猫/一.png", "狗/二.png"]),
        ("cp1252", ["é.png", "ü.png"]),
    ],
)
def test_names_are_read_as_the_packing_program_wrote_them(encoding: str, names: list[str]) -> None:
    """zipfile reads names without the mark of UTF-8 as CP437."""
    raw = [name.encode(encoding).decode("cp437") for name in names]
    decode = name_decoder(raw)
    assert [decode(name) for name in raw] == names


@pytest.mark.parametrize(
    ("names", "depth"),
    [
        (["a/b/1.png", "a/b/2.png"], 2),
        (["a/b/1.png", "a/c/2.png"], 1),
        (["a/1.png", "2.png"], 0),
        (["1.png"], 0),
        (["a/1.png"], 1),
    ],
)
def test_the_folders_that_wrap_everything(names: list[str], depth: int, tmp_path: Path) -> None:
    assert common_folder(archive_of(tmp_path, names).entries) == depth
    assert common_folder([]) == 0


# Which file a name means


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("set/train/dog/1.png", "set/train/dog/1.png"),
        ("train/dog/1.png", "set/train/dog/1.png"),
        ("dog/1.png", "set/train/dog/1.png"),
        ("images/train/dog/1.png", "set/train/dog/1.png"),
        ("C:/export/train/dog/1.png", "set/train/dog/1.png"),
        ("test/dog/1.png", "set/train/dog/1.png"),
        ("TRAIN\\DOG\\1.PNG", "set/train/dog/1.png"),
        ("./cat/2.png", "set/test/cat/2.png"),
        ("  2.png ", "set/test/cat/2.png"),
        ("elsewhere/2.png", "set/test/cat/2.png"),
        ("2", "set/test/cat/2.png"),
        ("3.png", None),
        ("2.jpg", "set/test/cat/2.png"),
        ("2.wav", None),
        ("", None),
        ("  ", None),
        (None, None),
        ("../2.png", "set/test/cat/2.png"),
        ("C:\\me\\2.png", "set/test/cat/2.png"),
        ("/data/upload/2.png", "set/test/cat/2.png"),
        ("../../etc/passwd", None),
        ("x" * 1_001, None),
    ],
)
def test_a_name_means_the_file_with_the_longest_common_end(name: str | None, path: str | None, tmp_path: Path) -> None:
    """cat/1.png comes first in the archive, and is never taken for dog/1.png."""
    files = files_of(tmp_path, "set/train/cat/1.png", "set/train/dog/1.png", "set/test/cat/2.png", "set/labels.csv")
    entry = files.find(name)
    assert (entry and entry.name) == path


def test_a_full_path_is_never_hidden_by_the_end_of_another(tmp_path: Path) -> None:
    files = files_of(tmp_path, "b/a/1.png", "a/1.png")
    assert files.find_path("a/1.png") == "a/1.png"
    assert files.find_path("b/a/1.png") == "b/a/1.png"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["cat/1.png", "dog/2.png"], [("", "cat"), ("", "dog")]),
        (["set/cat/1.png", "set/dog/2.png"], [("", "cat"), ("", "dog")]),
        (["cat/1.png"], [("", "cat")]),
        (["1.png", "2.png"], [("", ""), ("", "")]),
        (["train/cat/1.png", "Test/dog/2.png"], [("train", "cat"), ("test", "dog")]),
        (["set/images/val/1.png", "set/images/train/2.png"], [("validation", ""), ("train", "")]),
        (["cat/train/1.png", "cat/test/2.png", "dog/dev/3.png"], [("train", "cat"), ("test", "cat"), ("validation", "dog")]),
        (["cat /a/1.png", "dog/b/2.png"], [("", "cat"), ("", "dog")]),
        (["train/1.png", "cat/2.png"], [("", "train"), ("", "cat")]),
    ],
)  # fmt: skip
def test_folders_tell_the_part_and_the_class(names: list[str], told: list[tuple[str, str]], tmp_path: Path) -> None:
    files = files_of(tmp_path, *names)
    assert [(files.part_of(entry), files.class_of(entry)) for entry in files.media] == told


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("banking77_test.csv", "test"),
        ("train.jsonl", "train"),
        ("my-validation-set.csv", "validation"),
        ("DEV.tsv", "validation"),
        ("train_test.csv", "test"),
        ("12-holdout.csv", "test"),
        ("testimonials.csv", None),
        ("latest.csv", None),
        ("trainers.csv", None),
        ("data.csv", None),
        ("", None),
    ],
)
def test_a_file_s_name_tells_its_part_by_whole_words(name: str, part: str | None) -> None:
    assert part_of_name(name) == part


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["1.png", "2.JPG", "a.wav"], "image"),
        (["1.png", "a.wav", "b.mp3"], "audio"),
        (["a.csv", "b.txt"], None),
        (["a.webp.csv"], None),
        (["a"], None),
    ],
)
def test_an_archive_is_of_what_it_holds_more_of(names: list[str], kind: str | None, tmp_path: Path) -> None:
    assert holds_media(archive_of(tmp_path, names)) == kind


# A table beside the files


def table_beside(folder: Path, lines: str) -> tuple[int | None, Collection, list[MediaRow]]:
    files = files_of(folder, "train/1.png", "train/2.png", "test/3.png", "test/4.png")
    (folder / "labels.csv").write_text(lines, "utf-8")
    table = open_table(folder / "labels.csv")
    collection = Collection("image", "table")
    column = naming_column(table, files)
    return column, collection, [] if column is None else rows_of_table(table, column, files, "", collection)


@pytest.mark.parametrize(
    ("lines", "column"),
    [
        ("file,label\n1.png,cat\n2.png,dog\n3.png,cat\n", 0),
        ("label,image\ncat,train/1.png\ndog,train/2.png\n", 1),
        ("label,id\ncat,1\ndog,2\ncat,9\n", 1),
        ("label,id\ncat,1\ndog,8\ncat,9\n", None),
        ("label,id\ncat,1\ndog,8\n", 1),
        ("a,b\n1.png,9.png\n2.png,2.png\n", 0),
        ("a,b\n9.png,1.png\n2.png,2.png\n", 1),
        ("a,b\n,1.png\n,2.png\n", 1),
        ("label,text\ncat,hello\ndog,bye\n", None),
    ],
)
def test_the_column_that_names_half_of_its_files_or_more(lines: str, column: int | None, tmp_path: Path) -> None:
    assert table_beside(tmp_path, lines)[0] == column


def test_lines_that_name_no_file_are_counted_and_named(tmp_path: Path) -> None:
    _column, collection, media_rows = table_beside(
        tmp_path, "file,label,image\n1.png,cat,x\nlost.png,dog,y\n3.png,,z\n4.png,cat\n2.png,dog,w\n"
    )
    cells = [(row.entry.name, row.part, row.cells["label"], row.cells["image (table)"]) for row in media_rows]
    assert cells == [
        ("train/1.png", "train", "cat", "x"),
        ("test/3.png", "test", "", "z"),
        ("train/2.png", "train", "dog", "w"),
    ]
    assert collection.bad_count == 2
    assert collection.bad == [
        "row 2 of labels.csv names “lost.png”, which is not in the archive",
        "line 5 of labels.csv has 2 fields instead of 3",
    ]


def test_files_of_two_classes_with_one_name_keep_their_labels(tmp_path: Path) -> None:
    """A table written on another machine names folders that the archive lacks."""
    names = [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(6)]
    lines = "path,label\n" + "".join(f"D:/photos/{name},{name[:3]}\n" for name in names)
    data = {name: picture(number) for number, name in enumerate(names)} | {"labels.csv": lines.encode()}
    with open_archive(zipped(tmp_path / "a.zip", data), "a.zip") as archive:
        collection = read_collection(archive, "image", tmp_path / "media", Meter(silent, 1))
    assert [(row["file"], row["label"]) for row in collection.rows] == [(name, name[:3]) for name in names]
