"""What the doctor says of each part, asked in this process; and the addresses that the start of the site is made of."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from webapp.core import readers
from webapp.host import doctor, health, preflight, readiness, startup
from webapp.host.preflight import StartError
from webapp.host.supervisor import TROUBLE, RotatingLog


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_check_that_fails_is_a_line_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> doctor.Result:
        raise StartError("No bread is there.", "Bake some.")

    def broken() -> doctor.Result:
        raise ZeroDivisionError("oops")

    checks = {"Bread": refused, "Oven": broken, "Salt": lambda: (doctor.OK, "a kilo", "")}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    bread, oven, salt = doctor.findings()
    assert (bread.state, bread.words, bread.remedy) == (doctor.MISSING, "No bread is there.", "Bake some.")
    assert (oven.state, oven.remedy) == (doctor.MISSING, "Please report this.")
    assert "oops" in oven.words
    assert salt == doctor.Finding("Salt", doctor.OK, "a kilo")


@pytest.mark.parametrize(
    ("sign_up", "only_here", "state", "words"),
    [
        ("open", True, "ok", "the first with the form"),
        ("open", False, "note", "SIGN_UP=open is not followed"),
        ("invited", False, "ok", "manage.py invite"),
        ("closed", True, "ok", "closed: nobody"),
        ("clsed", True, "missing", "SIGN_UP=clsed is not known"),
        ("", False, "missing", "is not known"),
    ],
)
def test_who_can_make_an_account(sign_up: str, only_here: bool, state: str, words: str, settings: Any) -> None:
    settings.SIGN_UP, settings.ONLY_HERE = sign_up, only_here
    result = doctor.accounts()
    assert result[0] == state
    assert words in result[1]
    assert bool(result[2]) is (state != "ok"), "what is not as it should be has a next step"


def test_with_mail_a_site_for_others_may_be_open(settings: Any) -> None:
    settings.SIGN_UP, settings.ONLY_HERE, settings.MAIL_CONFIGURED = "open", False, True
    state, words, remedy = doctor.accounts()
    assert (state, words) == ("note", "anybody who reaches the site can make one")
    assert "invited" in remedy


@pytest.mark.parametrize(
    ("url", "elsewhere"),
    [("http://127.0.0.1:8001", False), ("http://localhost:8001", False), ("http://serving:8001", True)],
)
def test_where_the_model_server_is(url: str, elsewhere: bool, settings: Any) -> None:
    settings.SERVING_URL = url
    assert doctor.in_parts() is elsewhere


def test_ports_that_are_free_and_that_others_have(
    listener: int, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SERVING_URL = "http://127.0.0.1:8001"
    first, second = closed_port(), closed_port()
    monkeypatch.setenv("PORT", str(first))
    monkeypatch.setenv("SERVING_PORT", str(second))
    assert doctor.ports() == (doctor.OK, f"{first} and {second} are free", "")
    monkeypatch.setenv("SERVING_PORT", str(listener))
    with pytest.raises(StartError, match=f"Port {listener} is already in use") as refused:
        doctor.ports()
    assert "SERVING_PORT=" in refused.value.remedy


@pytest.mark.parametrize(
    ("folders", "state"),
    [("", "ok"), ("{here}", "ok"), ("{here}:", "ok"), ("{here}/no", "missing"), ("{here}:{here}/no", "missing")],
)
def test_the_folders_of_models(folders: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = folders.format(here=tmp_path).replace(":", os.pathsep)
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", named)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    assert doctor.models()[0] == state


def test_the_hub_by_its_port(listener: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{listener}")
    assert doctor.hub() == (doctor.OK, "127.0.0.1 can be reached", "")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{closed_port()}")
    assert doctor.hub()[:2] == (doctor.NOTE, "127.0.0.1 is not reached")
    monkeypatch.setenv("HF_HUB_OFFLINE", "yes")
    assert "HF_HUB_OFFLINE" in doctor.hub()[1]


@pytest.mark.parametrize(("total", "state"), [(doctor.LITTLE_MEMORY, "ok"), (doctor.LITTLE_MEMORY - 1, "note")])
def test_little_memory_is_worth_a_note(total: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.machine.memory_bytes", lambda: total)
    assert doctor.memory()[0] == state


def test_models_that_stay_here_need_no_bucket(settings: Any) -> None:
    settings.STORAGE_URL = ""
    assert doctor.storage()[0] == doctor.OK


# Addresses


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("127.0.0.1", 8000, "http://127.0.0.1:8000"),
        ("0.0.0.0", 80, "http://127.0.0.1:80"),
        ("::", 8000, "http://127.0.0.1:8000"),
        ("::1", 8000, "http://[::1]:8000"),
        ("maquette.example", 1, "http://maquette.example:1"),
    ],
)
def test_where_to_look_for_what_listens(host: str, port: int, address: str) -> None:
    assert preflight.address_of(host, port) == address


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ([], "127.0.0.1:8000"),
        (["*"], "127.0.0.1:8000"),
        (["maquette.example", "*"], "127.0.0.1:8000"),
        (["127.0.0.1", "localhost"], "127.0.0.1:8000"),
        (["maquette.example"], "maquette.example"),
        ([".maquette.example", "other.example"], "maquette.example"),
    ],
)
def test_the_site_is_asked_by_a_name_that_it_knows(allowed: list[str], host: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = allowed
    assert preflight.known_host("http://127.0.0.1:8000") == host


@pytest.mark.parametrize(
    ("allowed", "public", "header"),
    [
        ("", "", {}),
        ("*", "", {}),
        (" , ", "https://maquette.example/", {"Host": "maquette.example"}),
        ("*", "https://maquette.example:8443", {"Host": "maquette.example"}),
        (" .a.example , b.example", "https://c.example", {"Host": "a.example"}),
        ("", "not an address", {}),
    ],
)
def test_the_health_check_s_header(
    allowed: str, public: str, header: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", allowed)
    monkeypatch.setenv("PUBLIC_URL", public)
    assert health.allowed_host() == header


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:secret@host:1/0", "redis://:…@host:1/0"),
        ("redis://ada:secret@host", "redis://ada:…@host"),
        ("redis://:se%40cret@host", "redis://:…@host"),
        ("redis://ada@host", "redis://ada@host"),
        ("", ""),
    ],
)
def test_no_password_is_printed(url: str, shown: str) -> None:
    assert preflight.without_password(url) == shown
    assert "cret" not in preflight.without_password(url)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nobody"], "nobody: 'nobody'"), (["beat"], "missing 1 required"), (["web", "x"], "takes 0")],
)
def test_a_health_check_that_cannot_look_is_unwell(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert health.main(arguments) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        (b'{"ready": true, "parts": {"redis": "ok"}}', {"redis": "ok"}),
        (b'{"parts": ["redis"]}', {}), (b'{"parts": null}', {}), (b"{}", {}), (b"[]", {}), (b"", {}), (b"<html>", {}),
        (b"\xff", {}),
    ],
)  # fmt: skip
def test_whatever_answers_on_the_port_is_read(body: bytes, parts: dict[str, str]) -> None:
    assert startup._parts(body) == parts


@pytest.mark.parametrize(("check", "is_well"), [(lambda: 1, True), (lambda: None, False), (lambda: 1 // 0, False)])
def test_a_part_that_fails_is_down_and_no_fault(check: Any, is_well: bool) -> None:
    assert readiness.part(check) is is_well


# What is said on the terminal, and how much


@pytest.mark.parametrize(
    ("line", "is_trouble"),
    [
        (b"2026-11-28 ERROR no flour", True),
        (b"[CRITICAL] out", True),
        (b"Traceback (most recent call last):", True),
        (b"ValueError: no", True),
        (b"  Traceback in the middle", False),
        (b"NO_ERRORS here", False),
        (b"no errors", False),
        (b"", False),
    ],
)
def test_which_lines_of_a_log_are_shown(line: bytes, is_trouble: bool) -> None:
    assert bool(TROUBLE.search(line)) is is_trouble


def test_a_log_is_continued_and_says_what_it_lost(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    path.write_bytes(b"of yesterday\n")
    log = RotatingLog(path)
    log.write(b"first")
    log.file.close()
    log.lost = 3
    log.file = path.open("ab", buffering=0)
    log.write(b"later")
    log.file.close()
    lines = [b"of yesterday", b"first", b"(3 lines are missing here: they could not be written)", b"later"]
    assert path.read_bytes().splitlines() == lines
    assert log.lost == 0


@pytest.mark.parametrize(("value", "count", "most"), [("", 2, 1), ("1", 1, 1), ("5", 5, 4), ("0", 1, 1), ("-3", 1, 1)])
def test_one_reader_stays_free_for_others(value: str, count: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAQUETTE_READERS", value)
    assert (readers.count(), readers.most_of_a_workspace()) == (count, most)


@pytest.mark.parametrize("gib", [1, 8, 64, 1024])
def test_readers_share_the_machine(gib: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAQUETTE_READERS", "4")
    monkeypatch.setattr(readers, "memory_bytes", lambda: gib * readers.GIB)
    each = readers.address_bytes()
    assert each <= readers.MAX_BYTES
    assert 4 * (each - readers.RESERVED_BYTES) <= readers.SHARE * gib * readers.GIB
