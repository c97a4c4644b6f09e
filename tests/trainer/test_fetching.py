"""Addresses in a table: said, fetched only when asked, from public places alone; each that gives nothing is told with its reason."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import picture
from tests.trainer.test_data_uploads import rows_of
from tests.trainer.web import pictures_server
from trainer.data import checked_connection, fetching
from trainer.data.checked_connection import NotFetchedError, is_public, opened
from trainer.data.fetching import Fetch, read_results
from trainer.data.inspect import inspect
from trainer.data.intake import list_addresses
from trainer.data.readings import Choices
from trainer.errors import SpecError
from trainer.events import silent


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    with pictures_server() as (port, asked):
        monkeypatch.setenv("MAQUETTE_FETCH_LOOPBACK", str(port))
        yield f"http://127.0.0.1:{port}", asked


def table(path: Path, addresses: list[str]) -> Path:
    rows = [f"{address},{'xy'[n % 2]}" for n, address in enumerate(addresses)]
    path.write_text("\n".join(["photo,label", *rows]), "utf-8")
    return path


def kept_and_told(found: dict[str, Any]) -> int:
    return int(found["rows"]) + sum(entry["count"] for entry in found["left_out"])


def test_addresses_are_said_and_not_fetched(server: tuple[str, list[str]], tmp_path: Path) -> None:
    base, asked = server
    path = table(tmp_path / "a.csv", [f"{base}/{n}.png" for n in range(20)])
    found = inspect([path], tmp_path / "v")
    reading = next(reading for reading in found["reading"] if reading["what"] == "addresses:photo")
    assert (reading["chosen"], reading["others"], reading["doubt"], found["rows"]) == ("keep", ["fetch"], True, 20)
    assert asked == []
    with pytest.raises(SpecError):
        inspect([path], tmp_path / "v2", readings={"addresses:photo": "fetch"})


def test_they_are_fetched_and_read(server: tuple[str, list[str]], tmp_path: Path) -> None:
    base, asked = server
    bad = ["page.png", "short.png", "gone.png", "to-inside", "to-file", "to-itself"]
    addresses = [f"{base}/{name}" for name in [*(f"{n}.png" for n in range(20)), "to-7", "3.png", *bad]]
    path = table(tmp_path / "a.csv", [*addresses, "http://192.168.0.1/1.png", ""])
    listed = list_addresses([path], tmp_path / "list.txt")
    events: list[dict[str, Any]] = []
    made = fetching.fetch_media(
        tmp_path / "list.txt", tmp_path / "fetched", lambda kind, **fields: events.append({"type": kind, **fields})
    )
    assert (listed["addresses"], made["fetched"], made["failed"]) == (28, 21, 7)
    assert (events[-1]["fraction"], asked.count("/3.png")) == (1.0, 1)
    found = inspect([path], tmp_path / "v", readings={"addresses:photo": "fetch"}, fetched=tmp_path / "fetched")
    assert (found["rows"], kept_and_told(found), found["suggestion"]["task"]) == (22, 30, "image-classification")
    assert (tmp_path / "v" / "media" / rows_of(tmp_path / "v")[3]["image"]).read_bytes() == picture(3)
    results = read_results(tmp_path / "fetched")
    reasons = {address.removeprefix(base): result.get("reason") for address, result in results.items()}
    assert reasons["/to-inside"] == "leads into a private network, which is never asked"
    assert reasons["/page.png"] == "is not a picture or sound, but text/html"
    assert reasons["/gone.png"] == "was answered with 404"
    assert reasons["/to-file"] == "is not an address of the web"
    assert reasons["http://192.168.0.1/1.png"] == "leads into a private network, which is never asked"


def test_what_is_too_much_is_not_fetched(
    server: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, _asked = server
    monkeypatch.setattr(fetching, "MAX_FILE_BYTES", 1 << 20)
    monkeypatch.setattr(fetching, "MAX_ADDRESSES", 2)
    Fetch(tmp_path, silent).run([f"{base}/endless.png", f"{base}/1.png", f"{base}/2.png"])
    reasons = {address: result.get("reason") for address, result in read_results(tmp_path).items()}
    assert list(reasons.values()).count(None) == 1
    assert {"is larger than 1 MB", "is beyond the first 2"} <= set(reasons.values())
    assert not list(tmp_path.glob("*.part"))
    Fetch(tmp_path / "b", silent, most_bytes=10).run([f"{base}/1.png"])
    Fetch(tmp_path / "c", silent, most_seconds=-1).run([f"{base}/1.png"])
    late = [result["reason"] for name in "bc" for result in read_results(tmp_path / name).values()]
    assert late == [
        "was not fetched: all of them together are too large",
        "was not fetched: the time for all of them was over",
    ]


def fetched(folder: Path) -> set[str]:
    return {address for address, result in read_results(folder).items() if "file" in result}


def test_a_killed_fetch_goes_on(server: tuple[str, list[str]], tmp_path: Path) -> None:
    base, asked = server
    (tmp_path / "list.txt").write_text("\n".join(f"{base}/{n}.png" for n in range(200)), "utf-8")
    command = [sys.executable, "-m", "trainer", "fetch-media", str(tmp_path / "list.txt"), "--out", str(tmp_path / "f")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    until = time.monotonic() + 60
    while len(fetched(tmp_path / "f")) < 5 and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = fetched(tmp_path / "f")
    assert len(done) >= 5
    output = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert json.loads(output.strip().splitlines()[-1])["fetched"] == 200
    assert {asked.count(address.removeprefix(base)) for address in done} == {1}


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/a.png",
        "http://localhost/a.png",
        "http://2130706433/a.png",
        "http://0x7f000001/a.png",
        "http://0177.0.0.1/a.png",
        "http://127.1/a.png",
        "http://0.0.0.0/a.png",
        "http://0/a.png",
        "http://10.1.2.3/a.png",
        "http://172.16.0.1/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/a.png",
        "http://224.0.0.1/a.png",
        "http://255.255.255.255/a.png",
        "http://[::1]/a.png",
        "http://[::]/a.png",
        "http://[fe80::1]/a.png",
        "http://[fc00::1]/a.png",
        "http://[::ffff:127.0.0.1]/a.png",
        "http://[64:ff9b::7f00:1]/a.png",
        "http://[2002:7f00:1::]/a.png",
        "https://8.8.8.8:6379/a.png",
        "http://user:secret@8.8.8.8/a.png",
        "ftp://8.8.8.8/a.png",
        "file:///etc/passwd",
        "http://",
        "http://[/a.png",
        "http://8.8.8.8:99999/",
        "http://" + "a" * 5_000,
        "http://a\u2024b/..",
    ],
)
def test_private_places_are_never_asked(address: str) -> None:
    with pytest.raises(NotFetchedError), opened(address):
        pass


def test_only_the_named_port_of_this_machine_is_asked(
    server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, asked = server
    with opened(f"{base}/1.png") as answer:
        assert answer.read() == picture(1)
    monkeypatch.setenv("MAQUETTE_FETCH_LOOPBACK", "1")
    with pytest.raises(NotFetchedError), opened(f"{base}/2.png"):
        pass
    assert asked == ["/1.png"]


def test_the_address_that_was_checked_is_the_one_connected_to(
    server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that stands for a public address first and for this machine afterwards."""
    _base, asked = server
    looked_up: list[str] = []

    def rebind(host: str, port: int, **_options: object) -> list[Any]:
        looked_up.append(host)
        return [(2, 1, 6, "", ("93.184.215.14" if len(looked_up) == 1 else "127.0.0.1", port))]

    connected: list[tuple[str, int]] = []

    def connect(target: tuple[str, int], _timeout: float) -> None:
        connected.append(target)
        raise OSError

    monkeypatch.setattr(checked_connection.socket, "getaddrinfo", rebind)
    monkeypatch.setattr(checked_connection.socket, "create_connection", connect)
    with pytest.raises(NotFetchedError), opened("http://rebind.example/1.png"):
        pass
    assert (looked_up, connected, asked) == (["rebind.example"], [("93.184.215.14", 80)], [])


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(2, 1, 6, "", ("93.184.215.14", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr(checked_connection.socket, "getaddrinfo", lambda *_args, **_options: answers)
    with pytest.raises(NotFetchedError, match="private"):
        checked_connection.resolve("both.example", 80)


@pytest.mark.parametrize(
    ("text", "public"), [("8.8.8.8", True), ("2606:4700::1111", True), ("fe80::1%eth0", False), ("x", False)]
)
def test_what_is_public(text: str, public: bool) -> None:
    assert is_public(text) == public


def test_pages_are_no_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["link,label", *(f"https://example.org/{n},{'xy'[n % 2]}" for n in range(20))]), "utf-8")
    assert not any("addresses" in reading["what"] for reading in inspect([path], tmp_path / "v")["reading"])
    list_addresses([path], tmp_path / "list.txt", choices=Choices())
    assert (tmp_path / "list.txt").read_text() == ""
