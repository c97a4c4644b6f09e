"""Folders that cameras, phones and programs name by themselves: DCIM/100CANON, Camera, Screenshots, 2024-05-06. They tell no class."""

import re
from collections.abc import Sequence

from trainer.data.readings import Choice, Choices, Reading
from trainer.messages import Message, _

WHAT, NONE, LABEL = "device_folders", "none", "label"
"""The question whether such folders are labels."""
NUMBERED = re.compile(r"[1-9]\d\d[A-Z_][A-Z\d_]{4}")
"""By the Design rule for Camera File systems (JEITA CP-3461): three digits and five capitals, digits or underscores, of which we ask
that the first is no digit, as in all names that are in use."""
WORDS = re.compile(
    r"dcim|camera|camera[ _-]?(roll|uploads)|screenshots?|screen recordings|whatsapp (images|audio|video|voice notes)|downloads?"
    r"|pictures|saved pictures|photos|bluetooth|telegram|instagram|voice (memos|recorder)|recordings?",
    re.IGNORECASE,
)
"""No class where all folders of a level are called so; beside others, a camera may be a thing that pictures show."""
DAY = re.compile(r"(19|20)\d\d([-_.])(0[1-9]|1[0-2])(\2([0-2]\d|3[01]))?|(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])")
MAX_NAMES = 3


def without_devices(paths: Sequence[Sequence[str]]) -> list[list[str]]:
    """`paths[i]`: folders of file i, from the outermost on; the same without those that devices name."""
    left = [[name for name in path if not NUMBERED.fullmatch(name.strip())] for path in paths]
    for index in reversed(range(max(map(len, left), default=0))):
        names = {path[index].strip() for path in left if len(path) > index}
        if all(map(WORDS.fullmatch, names)):
            left = [[*path[:index], *path[index + 1 :]] for path in left]
    is_by_day = all(DAY.fullmatch(name.strip()) for path in left for name in path)
    return [[] for _path in left] if is_by_day else left


def are_labels(choices: Choices, file: str) -> bool:
    """Whether somebody said that they are."""
    return choices.pick(WHAT, (NONE, LABEL), file) == LABEL


def readings_of(paths: Sequence[Sequence[str]], choices: Choices, file: str) -> list[Reading]:
    """What is told of them, of the archive `file`; nothing where there are none."""
    left = without_devices(paths)
    changed = (before for before, now in zip(paths, left, strict=True) if list(before) != now)
    gone = dict.fromkeys(name for before in changed for name in before)
    names = [name for name in gone if not any(name in path for path in left)]
    if not names:
        return []
    asked = choices.get(WHAT, file)
    shown = ", ".join(f"“{name[:40]}”" for name in names[:MAX_NAMES]) + (" …" if len(names) > MAX_NAMES else "")
    ways: dict[str, Message] = {
        NONE: _("Folders that cameras and phones name are no labels: %(names)s", names=shown),
        LABEL: _("Folders that cameras and phones name are labels too: %(names)s", names=shown),
    }
    chosen = LABEL if asked == LABEL else NONE
    other = NONE if chosen == LABEL else LABEL
    others = [Choice(other, ways[other])]
    return [Reading(WHAT, chosen, ways[chosen], others, 0.95, file, is_asked=asked is not None)]
