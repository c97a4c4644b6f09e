"""Chats and mailboxes inside the archives that phones and Takeout make: WhatsApp's text beside the media that were sent in the chat,
a folder with Markdown for each chat of Signal, Gmail's mbox beside the page that shows what was exported."""

from pathlib import Path

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.decoded_text import decode_text
from trainer.data.tables.chats import looks_like_mbox, looks_like_whatsapp
from trainer.data.tables.imessage import looks_like_imessage
from trainer.data.tables.signal_chats import looks_like_signal

MOST_TEXTS = 8
"""Texts of an archive that are looked at: a chat has one."""
LOOKED_AT = 1 << 14


def take_chats(archive: Archive, place: Path) -> list[tuple[Path, str]]:
    """The chats or mailboxes of an archive, written into the folder `place`, each with its name; [] where it holds none."""
    chats = [entry for entry in texts_of(archive) if is_chat(archive, entry)]
    if not chats:
        return []
    place.mkdir()
    return [
        (archive.extract(entry, place / f"{number}{entry.suffix}"), entry.name) for number, entry in enumerate(chats)
    ]


def texts_of(archive: Archive) -> list[Entry]:
    texts = [entry for entry in archive.entries if entry.suffix == ".txt"]
    chats = [entry for entry in archive.entries if entry.suffix == ".mbox" or entry.parts[-1].lower() == "chat.md"]
    return chats + (texts if len(texts) <= MOST_TEXTS else [])


def is_chat(archive: Archive, entry: Entry) -> bool:
    try:
        with archive.open(entry) as file:
            sample = decode_text(file.read(LOOKED_AT))
    except (OSError, ValueError, RuntimeError, EntryError):
        return False
    return is_talk(sample)


def is_talk(sample: str) -> bool:
    return any(
        looks(sample) for looks in (looks_like_mbox, looks_like_whatsapp, looks_like_signal, looks_like_imessage)
    )


def is_loose_chat(path: Path, name: str) -> bool:
    """Whether a file of Markdown that was sent as it is holds a chat."""
    if not name.lower().endswith(".md"):
        return False
    with path.open("rb") as file:
        return looks_like_signal(decode_text(file.read(LOOKED_AT)))
