"""Every message of every language: it can be formatted with its parameters, and what is compiled is what is written."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.messages import Message, as_compiled, compiled, extracted, read_po

FILES = sorted((settings.BASE_DIR / "locale").glob("*/LC_MESSAGES/django.po"))
PARAMETER = re.compile(r"%\((\w+)\)[ #0+-]*[\d.]*([a-zA-Z])")
"""`%(name)s` with its conversion."""
UNNAMED = re.compile(r"%(?!\()[ #0+-]*[\d.]*[sdifr]")
BRACED = re.compile(r"\{(\w+)\}")

in_every_language = pytest.mark.parametrize("path", FILES, ids=lambda path: path.parts[-3])


def parameters(text: str) -> dict[str, Any]:
    """A value for each parameter that its conversion takes."""
    return {name: 3 if kind in "diouxXeEfFgG" else "three" for name, kind in PARAMETER.findall(text)}


def is_formatted(message: Message) -> bool:
    return any(PARAMETER.search(text) or UNNAMED.search(text) for text in (message.original, message.plural))


def test_there_are_languages_to_check() -> None:
    assert {path.parts[-3] for path in FILES} == {
        code.partition("-")[0] + ("_" + code.partition("-")[2].title() if "-" in code else "")
        for code, _name in settings.LANGUAGES
        if code != "en"
    }


@in_every_language
def test_every_message_takes_its_parameters(path: Path) -> None:
    formatted = 0
    for message in read_po(path):
        values = parameters(message.original) | parameters(message.plural)
        for text in message.texts if is_formatted(message) or "python-format" in message.flags else ():
            shown = text % values  # raises where a percent sign stands alone or a parameter is unknown
            assert "%(" not in shown, text
            formatted += 1
        braced = {name: name for name in BRACED.findall(message.original + message.plural)}
        for text in message.texts if braced else ():
            text.format_map(braced)
    assert formatted > 400


@in_every_language
def test_every_message_with_parameters_says_so_to_gettext(path: Path) -> None:
    """Without the flag `msgfmt --check-format` passes over a message."""
    unmarked = [
        message.original for message in read_po(path) if is_formatted(message) and "python-format" not in message.flags
    ]
    assert not unmarked


@in_every_language
def test_what_is_compiled_is_what_is_written(path: Path) -> None:
    written, served = as_compiled(read_po(path)), compiled(path.with_suffix(".mo"))
    assert {key: text for key, text in written.items() if served.get(key) != text} == {}
    assert set(served) == set(written)


@pytest.mark.skipif(not shutil.which("msgfmt"), reason="gettext is not installed")
@in_every_language
def test_gettext_accepts_it(path: Path, tmp_path: Path) -> None:
    checked = subprocess.run(
        ["msgfmt", "--check", "-o", tmp_path / "django.mo", path], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert compiled(tmp_path / "django.mo") == compiled(path.with_suffix(".mo"))


TOOLS = ("xgettext", "msguniq", "msgmerge", "msgattrib")


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="gettext is not installed")
@in_every_language
def test_every_message_of_the_sources_is_translated(
    path: Path, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that was added or changed since the language's file was made is missing there, or only resembles one."""
    monkeypatch.chdir(tmp_path)
    settings.LOCALE_PATHS = []
    before = path.read_bytes()
    messages = extracted(path.parts[-3], tmp_path)
    assert path.read_bytes() == before
    assert len(messages) > 1000
    missing = [one.original for one in messages if "fuzzy" in one.flags or not all(one.translations.values())]
    assert not missing, "\n".join(missing)
