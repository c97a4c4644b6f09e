"""`manage.py doctor`: what it says of a good machine, and of what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.host.redis_server import find_binary

ROOT = Path(__file__).resolve().parents[2]


def doctor(data: Path, **env: str) -> subprocess.CompletedProcess[str]:
    hidden = {"REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "FORCE_COLOR"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env={
            **environment,
            "MAQUETTE_DATA": str(data),
            "HF_HUB_OFFLINE": "1",
            "PORT": "18377",
            "SERVING_PORT": "18378",
            **env,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(find_binary() is None, reason="no Redis on this machine")
def test_a_machine_that_has_everything(tmp_path: Path) -> None:
    blob = tmp_path / "hub" / "models--a--b" / "blobs" / "0"
    blob.parent.mkdir(parents=True)
    with blob.open("wb") as file:
        file.truncate(2**30)
    done = doctor(tmp_path, HF_HUB_CACHE=str(tmp_path / "hub"), MAQUETTE_CACHE_BYTES=str(2**30))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"1 model downloaded from the hub, 1.0 GB in {tmp_path / 'hub'}" in done.stdout
    assert "whose cache holds 0.0 of 1.0 GB" in done.stdout
    lines = done.stdout.splitlines()
    names = [
        "Python",
        "Libraries",
        "Disk",
        "Memory",
        "GPUs",
        "Redis",
        "Workers",
        "Database",
        "Migrations",
        "Models",
        "Hub",
        "Storage",
        "Sandbox",
        "Accounts",
        "Ports",
    ]
    assert [line.split()[0] for line in lines if line[:1].isalpha()][: len(names)] == names
    assert lines[-1] == "All that Maquette needs is there."
    assert "switched off by HF_HUB_OFFLINE" in done.stdout
    assert "\x1b" not in done.stdout, "colour where nobody looks"


def test_what_is_missing_has_a_remedy_and_an_exit_code(tmp_path: Path) -> None:
    done = doctor(
        tmp_path,
        REDIS_URL="redis://:secret@127.0.0.1:1/0",
        DATABASE_URL="postgres://maquette:hidden@127.0.0.1:1/maquette",
        MAQUETTE_MODELS_DIR=str(tmp_path / "nowhere"),
        SIGN_UP="clsed",
    )
    assert done.returncode == 1
    for words in (
        "no Redis answers there",
        "remove REDIS_URL",
        "correct DATABASE_URL",
        "which is not a folder",
        "SIGN_UP=clsed is not known",
    ):
        assert words in done.stdout
    assert "Maquette cannot work yet: Redis, Database, Migrations, Models, Accounts." in done.stdout
    assert "secret" not in done.stdout
    assert "hidden" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_where_the_site_alone_runs_the_model_server_is_what_is_asked_for(tmp_path: Path) -> None:
    """As in the container `web`: its ports are its own, in use, and of others' parts only the address is known."""
    done = doctor(tmp_path, SERVING_URL="http://serving.invalid:8001")
    assert "the model server is not reached at http://serving.invalid:8001" in done.stdout
    assert "already in use" not in done.stdout
