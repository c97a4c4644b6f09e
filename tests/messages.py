"""The messages of a language, read from its `.po` file and its compiled `.mo` file."""

import ast
import gettext
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command


@dataclass
class Message:
    original: str
    plural: str = ""
    context: str = ""
    translations: dict[int, str] = field(default_factory=dict)
    """By plural form; a message without a plural has form 0 alone."""
    flags: set[str] = field(default_factory=set)

    @property
    def texts(self) -> list[str]:
        """Every text that the site may show for it."""
        return [text for text in (self.original, self.plural, *self.translations.values()) if text]


def read_po(path: Path) -> list[Message]:
    """Messages in use, the header left out; obsolete ones (`#~`) are comments."""
    messages = [message for block in path.read_text("utf-8").split("\n\n") if (message := read_block(block))]
    return [message for message in messages if message.original]


def read_block(block: str) -> Message | None:
    fields = {
        key: "".join(ast.literal_eval(line) for line in lines.strip().splitlines())
        for key, lines in re.findall(r'^(msg\w+(?:\[\d+\])?) ((?:".*"(?:\n|$))+)', block, re.MULTILINE)
    }
    if "msgid" not in fields:
        return None
    translations = {
        int(key[7:-1] or 0) if key.endswith("]") else 0: text
        for key, text in fields.items()
        if key.startswith("msgstr")
    }
    flags = {flag.strip() for line in re.findall(r"^#, (.*)$", block, re.MULTILINE) for flag in line.split(",")}
    return Message(fields["msgid"], fields.get("msgid_plural", ""), fields.get("msgctxt", ""), translations, flags)


def compiled(path: Path) -> dict[object, str]:
    """What `gettext` would answer: {message, or (message, plural form): text}, the header left out."""
    with path.open("rb") as file:
        catalog: dict[object, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in catalog.items() if key != ""}


def as_compiled(messages: list[Message]) -> dict[object, str]:
    """What compiling these messages must give."""
    found: dict[object, str] = {}
    for message in messages:
        key = f"{message.context}\x04{message.original}" if message.context else message.original
        if "fuzzy" in message.flags or not any(message.translations.values()):
            continue
        for form, text in message.translations.items():
            found[(key, form) if message.plural else key] = text
    return found


def extracted(locale: str, folder: Path) -> list[Message]:
    """What a translator would find after extracting every message of today's sources: a copy of them, and of the language's
    file, is made in `folder`, which must be the current directory. Needs gettext's tools."""
    for name in ("webapp", "templates", "trainer"):
        shutil.copytree(
            settings.BASE_DIR / name,
            folder / name,
            ignore=lambda _folder, names: {
                one for one in names if Path(one).suffix not in ("", ".py", ".html", ".txt")
            },
        )
    shutil.copytree(settings.BASE_DIR / "locale", folder / "locale")
    call_command("makemessages", locale=[locale], no_obsolete=True, no_location=True, verbosity=0)
    return read_po(folder / "locale" / locale / "LC_MESSAGES" / "django.po")
