"""What an archive held besides its files: leftovers of operating systems, which are counted, and empty folders."""

from trainer.data.archives import Archive, common_folder, printable
from trainer.data.problems import Problem, problem
from trainer.data.readings import LeftOut
from trainer.messages import ngettext
from trainer.paths import safe_path


def hidden_left_out(archive: Archive) -> list[LeftOut]:
    if not archive.hidden_count:
        return []
    count = archive.hidden_count
    sentence = ngettext(
        "%(count)s hidden file of the operating system was left out.",
        "%(count)s hidden files of the operating system were left out.",
        count,
    )
    return [LeftOut("hidden", count, sentence, archive.name, "", archive.hidden)]


def empty_folder_problems(archive: Archive) -> list[Problem]:
    """Folders without a file in them or below: a class folder that somebody has not filled yet gives no class."""
    filled = {"/".join(entry.parts[:depth]) for entry in archive.entries for depth in range(1, len(entry.parts))}
    hidden = {folder for name in archive.hidden for folder in folders_above(name)}
    named = {path for name in archive.folders if (path := safe_path(name.rstrip("/")))}
    above = {folder for name in named for folder in folders_above(name)}
    wrapping = archive.entries[0].parts[: common_folder(archive.entries)]
    empty = sorted(named - filled - hidden - above - {"/".join(wrapping)})
    if not empty:
        return []
    message = ngettext(
        "%(count)s folder of %(archive)s is empty: %(examples)s.",
        "%(count)s folders of %(archive)s are empty: %(examples)s.",
        len(empty),
        archive=archive.name,
        examples=", ".join(f"“{printable(name)}”" for name in empty[:4]),
    )
    return [problem("empty_folders", "info", message, examples=[printable(name) for name in empty], count=len(empty))]


def folders_above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
