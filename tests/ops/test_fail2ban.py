"""The filter in deploy/ finds the addresses in the lines that the site writes, and no address that a client made up."""

import ast
import configparser
import json
import os
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import reverse

from webapp.accounts import security, security_lines
from webapp.accounts.models import User
from webapp.accounts.security_verbs import FAILED, VERBS

FILTER = Path("deploy/fail2ban/maquette.filter.conf")
JAIL = Path("deploy/fail2ban/maquette.jail.conf")
HOST = r"(?:::f{4,6}:)?(?P<host>[0-9.]+|[0-9a-fA-F:]+)"
"""What fail2ban puts in place of <ADDR>: addresses, no host names, which it would look up."""
DATE = re.compile(r'^\{"t": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"')
"""What the filter's datepattern matches, which fail2ban cuts out of a line before it looks at the rest."""
SECONDS = 60


def read(path: Path) -> Any:
    parser = configparser.RawConfigParser()
    parser.read_string(path.read_text())
    return parser


def address_in(line: str) -> str | None:
    match = re.match(read(FILTER)["Definition"]["failregex"].replace("<ADDR>", HOST), DATE.sub("", line))
    return match["host"] if match else None


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path
    cache.clear()


@pytest.mark.django_db(transaction=True)
def test_a_wrong_password_is_found(user: User) -> None:
    for address in ("203.0.113.5", "2001:db8::5"):
        agent = 'x", "address": "198.51.100.1", "event": "sign_in_failed'
        client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent, HTTP_X_FORWARDED_FOR="198.51.100.2")
        client.post(reverse("account_login"), {"login": '"address": "198.51.100.3"@x.example', "password": "x"})
        client.post(reverse("account_login"), {"login": user.email, "password": "wrong"})
    lines = security_lines.path().read_text().splitlines()
    assert [address_in(line) for line in lines] == ["203.0.113.5", "2001:db8::5"]


@pytest.mark.django_db(transaction=True)
def test_every_failure_is_found_and_nothing_else(user: User) -> None:
    for verb in VERBS:
        request = RequestFactory().get("/", REMOTE_ADDR="203.0.113.5")
        security.record(request, verb, user=user)
        line = security_lines.path().read_text().splitlines()[-1]
        assert (address_in(line) == "203.0.113.5") == (VERBS[verb][0] == FAILED or verb == "rate_limited"), verb


def test_the_jail_reads_the_file_that_is_written() -> None:
    jail = read(JAIL)["maquette"]
    assert jail["logpath"].endswith(f"/logs/{security_lines.path().name}")
    assert jail["filter"] == "maquette"


# fail2ban itself


def banned_by_fail2ban(zone: str) -> list[tuple[str, float]]:
    """(address, seconds since 1970) of every line that fail2ban, on a machine in this time zone, counts as a failure."""
    words = ["fail2ban-regex", "--out", "row", str(security_lines.path()), str(FILTER.resolve())]
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, timeout=SECONDS, env=os.environ | {"TZ": zone}
    )
    rows = [ast.literal_eval(line.rstrip(",")) for line in done.stdout.splitlines()]
    return [(row[0], float(row[1])) for row in rows]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not shutil.which("fail2ban-regex"), reason="fail2ban is not installed")
def test_fail2ban_itself_agrees(user: User) -> None:
    for address in ("203.0.113.5", "2001:db8::5"):
        agent = 'x", "address": "198.51.100.1", "event": "sign_in_failed'
        client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent, HTTP_X_FORWARDED_FOR="198.51.100.2")
        client.post(reverse("account_login"), {"login": '"address": "198.51.100.3"@x.example', "password": "x"})
        client.post(reverse("account_login"), {"login": user.email, "password": "wrong"})
    for number, verb in enumerate(VERBS):
        security.record(RequestFactory().get("/", REMOTE_ADDR=f"198.51.100.{number}"), verb, user=user)
    lines = security_lines.path().read_text().splitlines()
    expected = [
        (address, datetime.fromisoformat(json.loads(line)["t"]).timestamp())
        for line in lines
        if (address := address_in(line))
    ]
    assert {"203.0.113.5", "2001:db8::5"} <= {address for address, _time in expected}
    for zone in ("UTC", "Asia/Shanghai", "America/New_York"):
        banned = banned_by_fail2ban(zone)
        assert [address for address, _time in banned] == [address for address, _time in expected]
        assert all(abs(seen - meant) < 1 for (_, seen), (_, meant) in zip(banned, expected, strict=True)), zone
