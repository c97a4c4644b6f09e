"""Every template compiles, the tags and filters that it uses being loaded, and is formatted."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines
from django.template.loader import get_template

ROOT = settings.BASE_DIR / "templates"
TEMPLATES = sorted(path.relative_to(ROOT).as_posix() for path in Path(ROOT).rglob("*") if path.is_file())


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_compiles(name: str) -> None:
    assert get_template(name).template.name == name  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_change_of_it_can_be_read(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert not [number for number, line in enumerate(lines, 1) if len(line) > 160]


def test_djade_formats_them() -> None:
    djade = Path(sys.executable).with_name("djade")
    pages = [str(ROOT / name) for name in TEMPLATES if name.endswith(".html")]
    done = subprocess.run([djade, "--target-version", "5.2", "--check", *pages], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_two_libraries_have_a_filter_of_one_name() -> None:
    """Of two that a template loads, the last in the alphabet would win."""
    owners: dict[str, set[str]] = {}
    for path in engines["django"].engine.libraries.values():
        if path.startswith("webapp."):
            library = import_module(path).register
            for name in [*library.filters, *library.tags]:
                owners.setdefault(name, set()).add(path)
    assert {name: paths for name, paths in owners.items() if len(paths) > 1} == {}


def test_no_full_stop_is_written_outside_of_a_translation() -> None:
    """“。” ends a sentence in Chinese: a stop behind a value or a tag of a template would stay a Latin one."""
    loose = re.compile(r"(\}\}|%\}|</(?:b|a|em|strong)>)\.(?=[\s<{]|$)")
    found = []
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        text = re.sub(r"\{% (blocktrans\w*)\b.*?\{% end\1 %\}", "", path.read_text("utf-8"), flags=re.S)
        found += [f"{path.name}: {one[0]}" for one in loose.finditer(text)]
    assert not found
