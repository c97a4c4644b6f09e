"""How the folders of an archive were read, in a sentence, with the other levels that may be the class."""

from collections.abc import Sequence

from trainer.data.folder_levels import FolderRoles, Level
from trainer.data.readings import PREVIEW_ROWS, Choice, Choices, Reading, preview_of
from trainer.json_types import JsonObject
from trainer.messages import Message, _

WHAT = "label_folder"
MAX_NAMES = 4


def level_reading(roles: FolderRoles, choices: Choices, names: Sequence[str] = ()) -> list[Reading]:
    """`names[i]`: the path of file i, for the previews. The reading of the level that tells the class; none where there is one level alone, and nothing else it could mean."""
    candidates = [level for _points, level in roles.scored if len(level.distinct) > 1]
    asked = choices.pick(WHAT, [level.value for _points, level in roles.scored] or ["1"])
    if not roles.scored or (len(candidates) < 2 and not roles.groups and not any(roles.parts) and asked is None):
        return []
    level = roles.scored[0][1]
    others = [
        Choice(other.value, names_of(other), preview_of_level(other, names))
        for other in candidates
        if other is not level
    ]
    confidence = 1.0 if asked else 0.97 if roles.is_sure else 0.6
    preview = preview_of_level(level, names) if others else None
    sentence = sentence_of(roles, level)
    return [Reading(WHAT, level.value, sentence, others, confidence, preview=preview, is_asked=asked is not None)]


def preview_of_level(level: Level, names: Sequence[str]) -> JsonObject | None:
    """A file of each of the first labels, with the label that this level gives it; None where no names were given."""
    if not names:
        return None
    firsts = [level.names.index(label) for label in level.distinct[:PREVIEW_ROWS]]
    return preview_of(["file", "label"], [(names[place], level.names[place]) for place in firsts])


def sentence_of(roles: FolderRoles, level: Level) -> Message:
    names = names_of(level)
    if roles.groups and any(roles.parts):
        return _(
            "The label is the folder %(names)s; other folders give the split and the %(group)s",
            names=names,
            group=roles.group_name,
        )
    if roles.groups:
        return _(
            "The label is the folder %(names)s; another folder tells the %(group)s",
            names=names,
            group=roles.group_name,
        )
    if any(roles.parts):
        return _("The label is the folder %(names)s; another folder tells the split", names=names)
    return _("The label is the folder %(names)s", names=names)


def names_of(level: Level) -> str:
    """“ripe”, “unripe” …"""
    names = [name if len(name) <= 40 else name[:39] + "…" for name in level.distinct]
    more = " …" if len(names) > MAX_NAMES else ""
    return ", ".join(f"“{name}”" for name in names[:MAX_NAMES]) + more
