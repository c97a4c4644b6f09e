"""A site that strangers reach: what its PUBLIC_URL changes without another setting."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from webapp.accounts.models import User
from webapp.core.hosts import is_loopback
from webapp.host import health
from webapp.host.preflight import known_host

ROOT = Path(__file__).resolve().parents[2]
ASKED = ("ALLOWED_HOSTS", "SIGN_UP", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SESSION_COOKIE_SECURE")
HIDDEN = ("ALLOWED_HOSTS", "SIGN_UP", "DJANGO_SETTINGS_MODULE")


def settings_with(folder: Path, **environment: str) -> dict[str, Any]:
    """The site's own settings in a process of their own, and what `check --deploy` says of them."""
    code = f"""
import json, django
from django.conf import settings
from django.core import checks
django.setup()
found = checks.run_checks(include_deployment_checks=True)
told = [message.id for message in found if not message.is_silenced()]
print(json.dumps({{name: getattr(settings, name) for name in {ASKED!r}}} | {{"told": told}}))
"""
    env = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    env |= {"MAQUETTE_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "webapp.settings"} | environment
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_public_site_has_one_name_and_is_closed_to_strangers(tmp_path: Path) -> None:
    found = settings_with(tmp_path, PUBLIC_URL="https://maquette.example", SECRET_KEY=secrets.token_urlsafe(64))
    assert found == {
        "ALLOWED_HOSTS": ["maquette.example"],
        "SIGN_UP": "invited",
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SESSION_COOKIE_SECURE": True,
        "told": [],
    }


def test_what_the_operator_says_counts(tmp_path: Path) -> None:
    found = settings_with(
        tmp_path, PUBLIC_URL="http://box.lan:8000", SIGN_UP="open", ALLOWED_HOSTS="box.lan,box", HTTPS_REDIRECT="1"
    )
    assert (found["SIGN_UP"], found["ALLOWED_HOSTS"]) == ("open", ["box.lan", "box"])
    assert not found["SECURE_SSL_REDIRECT"], "there is no HTTPS to go to"


def test_a_laptop_is_as_before(settings: Any) -> None:
    assert settings.ONLY_HERE
    assert settings.SIGN_UP == "open"
    assert {"127.0.0.1", "localhost", "[::1]"} <= set(settings.ALLOWED_HOSTS)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:8000", True),
        ("http://127.9.9.9", True),
        ("https://maquette.example", False),
        ("http://192.168.1.4:8000", False),
        ("http://localhost.example.org", False),
    ],
)
def test_what_only_this_machine_reaches(url: str, own: bool) -> None:
    assert is_loopback(url) is own


def test_the_health_check_and_the_supervisor_ask_by_the_public_name(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    monkeypatch.setenv("PUBLIC_URL", "https://maquette.example:8443")
    assert health.allowed_host() == {"Host": "maquette.example"}
    settings.ALLOWED_HOSTS = ["maquette.example"]
    assert known_host("http://127.0.0.1:8000") == "maquette.example"


def test_health_is_answered_without_https(settings: Any, db: None) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["maquette.example"]
    browser = Client(headers={"Host": "maquette.example"})
    assert browser.get("/healthz").status_code == 200
    answer = browser.get("/accounts/login/")
    assert (answer.status_code, answer["Location"]) == (301, "https://maquette.example/accounts/login/")


@pytest.mark.parametrize("host", ["localhost:1337", "127.0.0.1:9"])
@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_links_in_mails_lead_to_the_public_address(host: str, email: str, user: User, settings: Any) -> None:
    """Whoever asks writes the Host header; the mail goes to somebody else."""
    settings.PUBLIC_URL = "https://maquette.example"
    Client(headers={"Host": host}).post(reverse("account_reset_password"), {"email": email})
    (sent,) = mail.outbox
    assert host not in sent.body + sent.subject
    if email == user.email:
        assert "https://maquette.example/accounts/password/reset/key/" in sent.body
