"""Every template compiles, the tags and filters that it uses being loaded, and is formatted."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

ROOT = settings.BASE_DIR / "templates"
TEMPLATES = sorted(path.relative_to(ROOT).as_posix() for path in Path(ROOT).rglob("*") if path.is_file())


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.endswith(".html")])
def test_a_change_of_it_can_be_read(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert not [number for number, line in enumerate(lines, 1) if len(line) > 160]


def test_djade_formats_them() -> None:
    djade = Path(sys.executable).with_name("djade")
    pages = [str(ROOT / name) for name in TEMPLATES if name.endswith(".html")]
    done = subprocess.run([djade, "--target-version", "5.2", "--check", *pages], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
