"""Names and paths that people send, and names of columns that they take away: safe, told apart, and never lost."""

import base64
import io
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from trainer.paths import safe_path
from webapp.core.files import safe_name
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.datasets.exports import make_unique, part_name
from webapp.datasets.folders import MAX_FOLDER_FILES, check_count, check_paths, checked_path, folder_of, write_tar
from webapp.datasets.upload_metadata import parse_metadata, path_in

often = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAME = some.text("ab./\\ :é中\u0301\u202e\n\0🙂-", max_size=30)


# Paths


@often
@given(NAME)
def test_a_safe_path_stays_below_its_folder_and_is_safe_again(name: str) -> None:
    path = safe_path(name)
    if path is None:
        return
    assert not path.startswith("/")
    assert all(part not in ("", ".", "..") for part in path.split("/"))
    assert Path("/data/x").joinpath(path).resolve().is_relative_to("/data/x")
    assert safe_path(path) == path


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("a/b.png", "a/b.png"),
        (r"a\b.png", "a/b.png"),
        ("./a//./b.png", "a/b.png"),
        ("cafe\u0301/1.png", "café/1.png"),
        ("图片/猫 1.png", "图片/猫 1.png"),
        (" ", ""),
        ("", ""),
        ("a..b/c...png", "a..b/c...png"),
    ],
)
def test_a_path_in_a_folder_is_cleaned(path: str, clean: str) -> None:
    assert checked_path(path) == clean


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../a",
        "a/../../b",
        "C:\\a",
        "c:a",
        "a\0b",
        "a\nb",
        "x" * 256,
        "é" * 128,
        "a/" * 50 + "b",
        "\\\\server\\a",
        "..",
        "/",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_in_words(path: str) -> None:
    with pytest.raises(Problem) as refused:
        checked_path(path)
    assert (refused.value.code, refused.value.field) == ("bad_path", "relative_path")
    assert "\n" not in refused.value.message
    assert "\0" not in refused.value.message


def test_a_path_for_each_file_or_for_none() -> None:
    assert check_paths(None, 2) == check_paths([], 2) == ["", ""]
    assert check_paths(["a/1.png", ""], 2) == ["a/1.png", ""]
    with pytest.raises(Problem, match="1 relative_path came with 2 files"):
        check_paths(["a/1.png"], 2)
    check_count(MAX_FOLDER_FILES)
    with pytest.raises(Problem) as refused:
        check_count(MAX_FOLDER_FILES + 1)
    assert (refused.value.status, refused.value.code) == (413, "too_many_files")


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["cats/1.png", "cats/2.png"], "cats"),
        (["a/1.png", "b/2.png"], "files"),
        (["1.png"], "files"),
        (["a/x/1.png", "a/2.png"], "a"),
    ],
)
def test_a_tar_is_called_as_the_folder_that_all_lie_in(paths: list[str], folder: str) -> None:
    assert folder_of(paths) == folder


@often
@given(
    some.lists(
        some.tuples(some.text("ab中/", min_size=1, max_size=8), some.binary(max_size=700)), min_size=1, max_size=5
    )
)
def test_what_is_written_into_a_tar_comes_out_of_it(tmp_path: Path, files: list[tuple[str, bytes]]) -> None:
    sent = [(f"top/{path.strip('/') or 'x'}", content) for path, content in files]
    name = write_tar(
        tmp_path,
        3,
        [(path, len(content), lambda content=content: closing(io.BytesIO(content))) for path, content in sent],
    )
    assert name == "3-top.tar"
    with tarfile.open(tmp_path / name) as archive:
        read = [(member.name, (archive.extractfile(member) or io.BytesIO()).read()) for member in archive.getmembers()]
    assert read == sent


# Names


@often
@given(NAME)
def test_a_stored_name_is_one_file_that_any_file_system_takes(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert not set(safe) & set("/\\:\0\n\u202e")
    assert not safe.startswith(".")
    assert len(safe) <= 80
    assert len(safe.encode()) <= 200
    assert safe_name(safe) == safe or safe.endswith((" ", "."))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\a.csv", "a.csv"),
        (".htaccess", "htaccess"),
        ("", "file"),
        ("...", "file"),
        ("订单 2024.csv", "订单 2024.csv"),
        ("x" * 200 + ".csv", "x" * 70 + ".csv"),
    ],
)
def test_what_a_name_becomes(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("123456789", 123456789),
        ("1234567890", None),
        ("-1", None),
        ("1.0", None),
        ("", None),
        ("²", None),
        ("1 ", None),
        ("٣", 3),
    ],
)
def test_a_whole_number_of_a_stranger(text: str, number: int | None) -> None:
    assert whole(text, None) == number


# What a client says of a file


def encoded(**fields: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in fields.items())


@often
@given(
    some.dictionaries(some.text("abc_", min_size=1, max_size=6), some.text(max_size=20), max_size=4),
    some.sampled_from([",", ", ", " , "]),
)
def test_metadata_is_read_as_it_was_encoded(fields: dict[str, str], gap: str) -> None:
    header = gap.join(encoded(**{key: value}) for key, value in fields.items())
    assert parse_metadata(header) == {key: value.encode("utf-8", "replace").decode() for key, value in fields.items()}


@pytest.mark.parametrize("header", ["name not*base64", "name YQ=", "name é", "name Y Q=="])
def test_metadata_that_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_metadata(header)
    assert (refused.value.status, refused.value.code) == (400, "bad_request")


def test_metadata_of_other_clients() -> None:
    assert parse_metadata("") == {}
    assert parse_metadata("is_confidential") == {"is_confidential": ""}
    assert parse_metadata("name /w==") == {"name": "\ufffd"}
    assert path_in({"relativePath": "a/b"}) == path_in({"relative_path": "a/b"}) == "a/b"
    assert path_in({"relativePath": "null"}) == path_in({}) == ""


# Columns of a file that is taken away


@often
@given(
    some.lists(some.sampled_from(["text", "Text", "TEXT", "text_2", "=1+1", "'=1+1", "split", "", "文"]), max_size=8)
)
def test_columns_have_names_that_differ_in_more_than_capitals(names: list[str]) -> None:
    unique = make_unique(names, plain=True)
    assert len(unique) == len(names)
    assert len({name.lower() for name in unique}) == len(names)
    assert not any(name.startswith(("=", "+", "@")) for name in unique)
    assert make_unique(list(dict.fromkeys(name.lower() for name in names)), plain=False) == list(
        dict.fromkeys(name.lower() for name in names)
    )


@pytest.mark.parametrize(
    ("names", "part"),
    [
        ([], "split"),
        (["Split"], "part"),
        (["split", "PART"], "maquette_part"),
        (["split", "part", "maquette_part", "maquette_part_2"], "maquette_part_3"),
    ],
)
def test_the_column_of_the_parts_is_called_like_no_other(names: list[str], part: str) -> None:
    assert part_name(names) == part
