"""`./bootstrap` on machines that lack something: a sentence and a remedy, and no half-made .venv taken for a whole one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "/usr/bin:/bin"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The script and the pins alone, and a folder `bin` before everything else on PATH."""
    shutil.copy(ROOT / "bootstrap", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    (tmp_path / "bin").mkdir()
    return tmp_path


def tool(folder: Path, name: str, script: str) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def bootstrap(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{folder / 'bin'}:{SYSTEM}", "HOME": str(folder), "PYTHON": "python3", **env}
    return subprocess.run(["./bootstrap"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_an_old_python(copy: Path) -> None:
    tool(copy, "python3", '[ "$1" = --version ] && echo "Python 3.9.2" || exit 1')
    done = bootstrap(copy)
    assert done.returncode == 1
    assert "needs Python 3.11 to 3.14, and found Python 3.9.2." in done.stderr
    assert "make run PYTHON=" in done.stderr


def test_no_python(copy: Path) -> None:
    tool(copy, "python3", "exit 127")
    done = bootstrap(copy, PYTHON="no-such-python")
    assert done.returncode == 1
    assert "needs Python 3.11 to 3.14" in done.stderr


def test_a_debian_without_venv_is_told_the_package(copy: Path) -> None:
    tool(copy, "python3", 'case "$2" in *ensurepip*) exit 1;; *version_info\\[:2\\]\\)*) echo 3.11;; esac')
    done = bootstrap(copy)
    assert done.returncode == 1
    assert "sudo apt install python3.11-venv" in done.stderr
    assert not (copy / ".venv").exists()


def test_a_full_disk(copy: Path) -> None:
    tool(copy, "python3", f'exec {sys.executable} "$@"')
    tool(copy, "df", "printf 'Filesystem\\n/dev/x 100 90 1048576 1%% /\\n'")
    done = bootstrap(copy)
    assert done.returncode == 1
    assert "Only 1 GB are free" in done.stderr


def test_a_failed_installation_is_told_and_tried_again(copy: Path) -> None:
    tool(copy, "python3", f'exec {sys.executable} "$@"')
    (copy / "requirements/constraints.txt").write_text("torch==0.0.0\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(copy / "bin"), "PIP_CONFIG_FILE": os.devnull}
    for _ in range(2):
        done = bootstrap(copy, **offline)
        assert done.returncode == 1
        assert "Installing the libraries" in done.stdout
        assert "The libraries could not be installed" in done.stderr
        assert not (copy / ".venv/installed-run").exists()


def installed_with(copy: Path, python: str) -> None:
    """As if all libraries were there."""
    (copy / ".venv/bin").mkdir(parents=True)
    (copy / ".venv/bin/python").symlink_to(python)
    pins = subprocess.run(
        "cat requirements/*.txt requirements/install_torch.py bootstrap | cksum",
        shell=True,
        cwd=copy,
        capture_output=True,
        text=True,
    )
    (copy / ".venv/installed-run").write_text(pins.stdout.strip())


def test_what_trainers_import_is_compiled_for_them(copy: Path) -> None:
    """Each begins anew, where it can write nothing beside the sources: compiling them took a third of a small upload."""
    installed_with(copy, sys.executable)
    (copy / "trainer").mkdir()
    (copy / "trainer/data.py").write_text("ROWS = 1\n")
    assert bootstrap(copy, PYTHONDONTWRITEBYTECODE="1").returncode == 0
    assert list(copy.glob("trainer/__pycache__/data.*.pyc"))


def test_a_second_time_costs_nothing(copy: Path) -> None:
    """The stamp stands for the pins; another pin makes it stale."""
    installed_with(copy, "/bin/true")
    done = bootstrap(copy)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with (copy / "requirements/constraints.txt").open("a") as file:
        file.write("# another pin\n")
    assert "Installing the libraries" in bootstrap(copy).stdout
