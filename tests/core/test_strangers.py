"""Whatever stands in an address is answered: with a page, a refusal or a 404, never with a fault of ours."""

import errno
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core import problems
from webapp.core.files import safe_name
from webapp.core.numbers import whole
from webapp.core.private import kept_secret, private_folder
from webapp.core.problems import Problem, problem_of

ROOT = Path(__file__).resolve().parents[2]
STREAMS = {"run_stream"}
VALUES = {
    "zero byte": "\x00",
    "digits": "9" * 5000,
    "cursor": "9" * 23 + ",x",
    "negative": "-1",
    "huge": str(2**63),
    "far": "9999-12",
    "early": "0001-01-01",
    "no number": "²",
    "emoji": "😀" * 80,
    "direction": "\u202e'\";--<script>%s{0}",
    "path": "../../etc/passwd",
    "not a number": "NaN",
}


def patterns(resolver: Any, prefix: str = "") -> list[tuple[str, URLPattern]]:
    found = []
    for one in resolver.url_patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            found += patterns(one, path)
        else:
            found.append((path, one))
    return found


@cache
def names() -> set[str]:
    """Every query parameter that a view or an API call reads; two are read in a loop."""
    pages = " ".join(path.read_text() for path in (ROOT / "webapp").rglob("*.py"))
    read = set(re.findall(r"""GET(?:\.get|\.getlist)?[(\[]\s*"(\w+)\"""", pages))
    schema = Client().get("/api/v1/openapi.json").json()
    calls = [one for path in schema["paths"].values() for one in path.values()]
    return (
        {"from", "to"}
        | read
        | {one["name"] for call in calls for one in call.get("parameters", []) if one["in"] == "query"}
    )


@pytest.fixture
def addresses(user: User, workspace: Workspace) -> Callable[[str], list[str]]:
    """Every address with its objects, or with a value in their place."""
    run = things.run(things.prototype(workspace))
    things.write_events(run, {"type": "log", "t": "2026-01-01T00:00:00Z", "message": "hello"})
    things.endpoint(run)
    known = {
        "prototypes": run.prototype_id,
        "runs": run.pk,
        "datasets": run.version.dataset_id,
        "endpoints": "the-demo",
        "d": "the-demo",
    }

    def fill(value: str | None) -> list[str]:
        made = set()
        for path, pattern in patterns(get_resolver()):
            if pattern.name in STREAMS or "re_path" in path or "(?P" in path:
                continue
            first = path.split("/")[2 if path.startswith("api/v1/") else 0]
            instead = known.get(first, "x") if value is None else value.replace("/", "")
            made.add("/" + instead.join(re.split(r"<[^>]+>", path)))
        return sorted(made)

    return fill


def test_the_walk_finds_pages_and_parameters(addresses: Callable[[str], list[str]]) -> None:
    assert {"/costs", "/new", "/api/v1/runs", "/d/the-demo"} <= set(addresses(None))
    assert {"month", "cursor", "version", "page", "after", "status", "label"} <= names()


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_address_is_a_fault(value: str, addresses: Callable[[str], list[str]], user: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    plain = value.encode(errors="replace").decode()
    query = {name: [plain, plain] if name in ("row", "file") else plain for name in names()}
    faults = []
    asked = [(path, query) for path in addresses(None)] + [(path, {}) for path in addresses(plain) if plain in path]
    for path, fields in asked:
        answer = client.get(path, fields)
        answer.close()
        if answer.status_code >= 500 and path != "/readyz":  # which says here, rightly, that nothing is up
            faults.append((path[:100], bool(fields), answer.status_code))
    assert "_auth_user_id" in client.session
    assert not faults


@pytest.mark.parametrize(
    "path", ["runs", "estimates", "endpoints", "datasets", "endpoints/the-demo/links", "endpoints/the-demo/feedback"]
)
@pytest.mark.parametrize(
    "value", ["9" * 5000, "1e999", "-" + "9" * 30, '"\\u0000"', "[[[]]]", "null", '"\\ud83d"', '{"a": {"b": 1}}']
)
def test_no_body_is_a_fault(
    path: str, value: str, user: User, workspace: Workspace, api_of: Callable[[User], Client]
) -> None:
    run = things.run(things.prototype(workspace))
    things.endpoint(run)
    client = api_of(user)
    client.raise_request_exception = False
    schema = client.get("/api/v1/openapi.json").json()
    content = schema["paths"][f"/api/v1/{path.replace('the-demo', '{slug}')}"]["post"]["requestBody"]["content"]
    fields = content["application/json"]["schema"]
    if "$ref" in fields:
        fields = schema["components"]["schemas"][fields["$ref"].rsplit("/", 1)[1]]
    good = {"dataset": run.version.dataset_id, "run": run.pk, "input": "x", "verdict": "up", "name": "x"}
    for name in fields["properties"]:
        others = {one: text for one, text in good.items() if one in fields["properties"] and one != name}
        body = "{" + ", ".join([*(f'"{one}": "{text}"' for one, text in others.items()), f'"{name}": {value}']) + "}"
        answer = client.post(f"/api/v1/{path}", body, content_type="application/json")
        assert answer.status_code < 500 or answer.json()["code"] == "queue_away", (name, answer.content)


def test_a_file_s_name_fits_any_disk() -> None:
    for name in ("😀" * 70 + ".csv", "😀" * 200, "x" * 500 + "." + "y" * 500, "é" * 70 + "." + "😀" * 9):
        kept = safe_name(name)
        assert kept
        assert len(f"{255}-{kept}".encode()) <= 210


def test_numbers_are_read_within_bounds() -> None:
    assert [whole(text, None) for text in ("12", "²", "-1", "", "9" * 10, "9" * 5000)] == [12, *[None] * 5]


def test_what_a_database_cannot_hold_is_the_sender_s_to_mend() -> None:
    from django.db import DataError

    assert isinstance(problem_of(DataError("value too long for type character varying(120)")), Problem)
    assert isinstance(problem_of(ValueError("A string literal cannot contain NUL (0x00) characters.")), Problem)
    assert isinstance(problem_of(ValueError("else")), ValueError)


def test_a_full_disk_is_no_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is met: in a file, or in SQLite, which says of some of its files that they cannot be opened."""
    full = [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EDQUOT, "Disk quota exceeded")]
    if connection.vendor == "sqlite":
        monkeypatch.setattr(problems.shutil, "disk_usage", lambda _path: SimpleNamespace(free=0))
        full += [OperationalError("database or disk is full"), OperationalError("unable to open database file")]
    for error in full:
        told = problem_of(error)
        assert isinstance(told, Problem), error
        assert (told.status, told.code) == (507, "disk_full")
    assert isinstance(problem_of(OSError(errno.EACCES, "Permission denied")), OSError)


def test_a_secret_is_made_once_and_never_empty(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch()  # as a full disk left it
    assert kept_secret(path, "first") == "first"
    assert kept_secret(path, "second") == "first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("is_empty", [False, True])
def test_many_who_make_a_secret_at_once_have_the_same_one(is_empty: bool, tmp_path: Path) -> None:
    for turn in range(30):
        path = tmp_path / f"secret{turn}"
        if is_empty:
            path.touch()
        together = threading.Barrier(8)

        def make(maker: int, path: Path = path, together: threading.Barrier = together) -> str:
            together.wait()
            return kept_secret(path, f"of {maker}")

        with ThreadPoolExecutor(8) as makers:
            assert len(set(makers.map(make, range(8)))) == 1


def test_the_data_folder_is_the_owner_s_alone(tmp_path: Path) -> None:
    for name, before in (("new", None), ("open", 0o755)):
        folder = tmp_path / name
        if before:
            folder.mkdir()
            folder.chmod(before)
        private_folder(folder)
        assert folder.stat().st_mode & 0o777 == 0o700
