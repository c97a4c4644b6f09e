"""Files that strangers send, files that nobody may find half written, and the zip that is made of folders that change."""

import errno
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation

from trainer import disk
from webapp.core import downloads, files
from webapp.core.locks import only_one
from webapp.core.numbers import MOST_DIGITS, whole
from webapp.core.problems import Problem


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("rows.csv", "rows.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\rows.csv", "rows.csv"),
        ("..", "file"),
        ("", "file"),
        ("/", "file"),
        (".htaccess", "htaccess"),
        ("a\x00b\nc.csv", "a_b_c.csv"),
        ("rows;rm -rf $HOME.csv", "rows_rm -rf _HOME.csv"),
        ("客户 反馈.csv", "客户 反馈.csv"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("a" * 300 + ".csv", "a" * 70 + ".csv"),
        ("rows." + "x" * 300, "rows." + "x" * 9),
    ],
)
def test_names(name: str, safe: str) -> None:
    assert files.safe_name(name) == safe


@pytest.mark.parametrize("letter", ["a", "é", "字", "👩"])
@pytest.mark.parametrize("ending", ["", ".csv", "." + "字" * 40])
def test_a_name_of_any_script_fits_a_file_system(letter: str, ending: str) -> None:
    safe = files.safe_name(letter * 300 + ending)
    assert len(safe) <= 80
    assert len(safe.encode()) <= 200
    assert "\N{REPLACEMENT CHARACTER}" not in safe, "no character is cut in two"


def test_uploads_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    sent = [SimpleUploadedFile("rows.csv", b"first"), SimpleUploadedFile("../rows.csv", b"second")]
    assert files.store(sent, tmp_path / "deep" / "er") == ["0-rows.csv", "1-rows.csv"]
    stored = {path.name: path.read_bytes() for path in (tmp_path / "deep" / "er").iterdir()}
    assert stored == {"0-rows.csv": b"first", "1-rows.csv": b"second"}
    assert files.store([], tmp_path / "none") == []


def test_the_most_that_may_be_sent(settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 5 * 2**20
    files.check_room(5 * 2**20)
    with pytest.raises(Problem, match="at most 5 MB") as refused:
        files.check_room(5 * 2**20 + 1)
    assert (refused.value.status, refused.value.code) == (413, "too_large")


class Disk:
    """As much as is free of one."""

    def __init__(self, free: int) -> None:
        self.free = free


@pytest.mark.parametrize(("short", "is_refused"), [(0, False), (1, True)])
def test_the_last_of_the_disk_is_for_the_database(
    short: int, is_refused: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for check, needed in (
        (lambda: files.check_room(1000), 1000 + disk.RESERVE_BYTES),
        (files.check_disk, disk.RESERVE_BYTES),
    ):
        monkeypatch.setattr("shutil.disk_usage", lambda _path, free=needed - short: Disk(free))
        if is_refused:
            with pytest.raises(Problem) as refused:
                check()
            assert (refused.value.status, refused.value.code) == (507, "disk_full")
        else:
            check()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files.write_whole(path, "before")
    files.write_whole(path, "后来")
    assert path.read_text("utf-8") == "后来"
    with pytest.raises(UnicodeEncodeError):
        files.write_whole(path, "half \ud83d of a pair")
    assert path.read_text("utf-8") == "后来"
    assert [left.name for left in tmp_path.iterdir()] == ["state.json"], "no part stays behind"


def test_what_is_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep").write_bytes(b"123")
    (tmp_path / "empty").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    sizes = {path.relative_to(tmp_path).as_posix(): facts.st_size for path, facts in files.files_below(tmp_path)}
    assert sizes == {"a/b/deep": 3, "empty": 0}, "what cannot be read as a file is none"
    assert list(files.files_below(tmp_path / "nowhere")) == []


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "no_space"), (errno.EDQUOT, "no_space"), (errno.EIO, "disk")]
)
def test_an_error_of_the_disk_is_told_without_a_path(number: int, code: str) -> None:
    error = files.disk_error(OSError(number, os.strerror(number), "/srv/maquette/secret"))
    assert error["code"] == code
    assert "/srv" not in "".join(error.values())


def test_a_disk_error_in_the_reader_s_language() -> None:
    with translation.override("zh-hans"):
        assert "磁盘" in files.disk_error(OSError(errno.ENOSPC, "No space left on device"))["message"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("7", 7), ("9" * MOST_DIGITS, 10**MOST_DIGITS - 1), ("1" + "0" * MOST_DIGITS, None), ("9" * 5000, None),
        ("", None), ("-1", None), ("+1", None), ("1.0", None), ("1e3", None), ("²", None), (" 1", None), ("٣", 3),
    ],
)  # fmt: skip
def test_a_whole_number_out_of_a_stranger_s_hands(text: str, number: int | None) -> None:
    assert whole(text, None) == number


def test_a_lock_is_held_by_one_and_let_go_even_after_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "made" / "here.lock"
    with only_one(path) as first:
        with only_one(path) as second:
            assert (first, second) == (True, False)
        with only_one(path) as third:
            assert not third, "who did not get it does not let it go"
    with pytest.raises(ZeroDivisionError), only_one(path):
        raise ZeroDivisionError
    with only_one(path) as again:
        assert again


def unpacked(pieces: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_zip_of_nothing_is_a_zip() -> None:
    assert unpacked(downloads.zipped([])) == {}
    assert downloads.zip_length([]) == len(b"".join(downloads.zipped([])))


def test_what_is_made_comes_first_and_what_went_meanwhile_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"kept")
    listed = [(tmp_path / "kept", "files/kept"), (tmp_path / "gone", "files/gone")]
    made = [("account.json", b"{}"), ("字.json", "字".encode() * 1000)]
    assert unpacked(downloads.zipped(listed, made)) == {
        "account.json": b"{}",
        "字.json": "字".encode() * 1000,
        "files/kept": b"kept",
    }


def test_a_model_s_zip_is_not_sent_without_one_of_its_files(tmp_path: Path) -> None:
    """A model without its weights would be loaded by nobody, and the length was promised."""
    with pytest.raises(FileNotFoundError):
        list(downloads.zipped([(tmp_path / "weights.bin", "weights.bin")]))


def test_a_zip_beyond_two_gigabytes_promises_no_length(tmp_path: Path) -> None:
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(2**31)  # without taking it of the disk
    assert "Content-Length" not in downloads.ZipDownload(tmp_path, "a.zip")
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(1)
    assert "Content-Length" in downloads.ZipDownload(tmp_path, "a.zip")
