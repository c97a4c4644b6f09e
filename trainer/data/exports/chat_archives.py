"""Chats and mailboxes inside the archives that phones and Takeout make: WhatsApp's text beside the media that were sent in the chat,
Gmail's mbox beside the page that shows what was exported."""

from pathlib import Path

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.decoded_text import decode_text
from trainer.data.tables.chats import looks_like_mbox, looks_like_whatsapp

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
    return [entry for entry in archive.entries if entry.suffix == ".mbox"] + (texts if len(texts) <= MOST_TEXTS else [])


def is_chat(archive: Archive, entry: Entry) -> bool:
    try:
        with archive.open(entry) as file:
            sample = decode_text(file.read(LOOKED_AT))
    except (OSError, ValueError, RuntimeError, EntryError):
        return False
    return looks_like_mbox(sample) or looks_like_whatsapp(sample)
