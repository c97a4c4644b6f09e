"""What the folders of an archive mean: which level of them tells the part of the split, which the class, and which groups files
that belong together (a camera, a person, a day).

Every level that may be the class is scored, so that the doubt can be told and another level asked for.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from trainer import columns as kinds

INNERMOST = "innermost"
"""The folder that a file lies in, where files lie at different depths."""
SURE_MARGIN = 1.5
"""Points that the best level must be ahead of the next one to be stated and not doubted."""
PART_WORDS = frozenset(
    ["set", "split", "data", "dataset", "images", "image", "img", "imgs", "pictures", "photos", "files", "audio", "wavs",
     "clips", "sounds", "recordings", "videos", "texts", "docs", "documents", "folder", "samples"]
)  # fmt: skip
"""What stands beside a part in a folder's name: train_images, test set."""
GROUP_WORDS = (
    "cam|camera|person|people|subject|subj|sub|patient|pat|participant|user|speaker|spk|spkr|actor|author|writer|singer|session|sess|day|date|"
    "week|month|site|location|loc|station|batch|run|rec|recording|take|scene|seq|sequence|video|clip|device|phone|sensor|room|"
    "house|farm|field|plot|line|machine|lot|shift|customer|client|store|shop|visit|trip|drive|flight|hospital|clinic|lab|worker|"
    "annotator|student|child|donor|animal|plant|tree|slide|case|study|series|track|album|book|chapter|scan"
)
GROUP = re.compile(
    rf"(?!n\d{{8}}$)"  # ImageNet's ids of classes
    rf"(({GROUP_WORDS})s?([\s_.-]*(no|nr|id|#)?[\s_.-]*[a-z]?\d+[a-z]?|[\s_.-]+[a-z])"  # cam1, person_b, day-03
    r"|\d{4}[-_.]?\d{2}([-_.]?\d{2})?([-_ t]\d{2}[-_.:h]?\d{2}.*)?|\d{1,2}[-_.]\d{1,2}[-_.]\d{2,4}"  # 2024-05-06
    r"|[a-z]{1,2}\d{2,}|id[\s_-]?\d+|\d{4,}"  # p225, id10270, 1034
    r"|(mon|tues|wednes|thurs|fri|satur|sun)day|(jan|febr)uary|march|april|may|june|july|august"
    r"|(septem|octo|novem|decem)ber)",
    re.IGNORECASE,
)
PART_AND_CLASS = re.compile(r"(train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?|dev)[-_ ]+(.+)", re.IGNORECASE)
UNLABELLED = re.compile(
    r"_background_noise_|unsup|un-?label?led|no[_ -]labels?|without[_ -]labels?|unsorted", re.IGNORECASE
)
"""A folder of what nobody has labelled."""
CLASS_STEMS = (
    "class",
    "label",
    "cat",
    "type",
    "grade",
    "level",
    "stage",
    "score",
    "rating",
    "group",
    "kind",
    "quality",
)
"""Beginnings of names that differ by a number and are classes all the same: grade_1, grade_2."""
MIN_GROUP_SHARE = 0.6
"""Share of a level's names that must look like groups for it to be one."""
UNNAMED_GROUP = "group"
MIN_GROUPS = 3
"""Groups that a split by them needs."""


@dataclass(frozen=True)
class Level:
    """A level of folders. `index`: from the outermost on; `names[i]`: of file i, "" for one that lies higher."""

    index: int
    names: tuple[str, ...]

    @property
    def distinct(self) -> list[str]:
        """Its names in their first order."""
        return list(dict.fromkeys(name for name in self.names if name))

    @property
    def value(self) -> str:
        """How a choice names it: 1 is the outermost."""
        return INNERMOST if self.index < 0 else str(self.index + 1)


@dataclass
class FolderRoles:
    """What each file's folders tell. `labels`, `parts`, `groups`: "" where they do not; `scored`: (points, level) of each level
    that may be the class, the best first."""

    labels: list[str]
    parts: list[str]
    groups: list[str] = field(default_factory=list)
    group_name: str = ""
    scored: list[tuple[float, Level]] = field(default_factory=list)

    @property
    def is_sure(self) -> bool:
        points = [points for points, _level in self.scored]
        return len(points) < 2 or points[0] - points[1] >= SURE_MARGIN


def read_roles(folders: Sequence[Sequence[str]], asked: str | None = None) -> FolderRoles:
    """`folders[i]`: those of file i, from the outermost on. `asked`: the `Level.value` of the class that somebody chose."""
    cleaned = divide_folders([[name.strip() for name in path] for path in folders])
    levels = list_levels(cleaned)
    split = [level for level in levels if level.index >= 0 and tells_parts(level, levels)]
    others = [level for level in levels if level not in split and level.index >= 0]
    others += innermost_level(cleaned, split, others)
    named_parts = ([part_of_folder(name) for name in level.names] for level in split)
    parts = [first_filled(names) for names in zip(*named_parts, strict=True)]
    scored = score_levels(others, parts)
    chosen = next((level for _points, level in scored if level.value == asked), scored[0][1] if scored else None)
    scored = sorted(scored, key=lambda candidate: candidate[1] is not chosen)
    labels = (
        [name if not UNLABELLED.fullmatch(name) else "" for name in chosen.names] if chosen else [""] * len(folders)
    )
    roles = FolderRoles(labels, parts or [""] * len(folders), scored=scored)
    grouping = [
        level for level in others if level.index >= 0 and level is not chosen and group_share(level) >= MIN_GROUP_SHARE
    ]
    if grouping:
        finest = max(grouping, key=lambda level: len(level.distinct))
        roles.groups, roles.group_name = group_cells(finest, grouping), name_of_groups(finest)
    return roles


def groups_of_class(roles: FolderRoles) -> tuple[list[str], str]:
    """(group of each file, name of the groups) of the level that would be the class, where it is of persons or days and files have
    another answer (VCTK: wav48/p225)."""
    points, level = roles.scored[0] if roles.scored else (0.0, None)
    if level is None or points >= 0 or group_share(level) < MIN_GROUP_SHARE:
        return [], ""
    return list(level.names), name_of_groups(level)


def list_levels(folders: Sequence[Sequence[str]]) -> list[Level]:
    depth = max(map(len, folders), default=0)
    return [Level(index, tuple(path[index] if len(path) > index else "" for path in folders)) for index in range(depth)]


def innermost_level(folders: Sequence[Sequence[str]], split: Sequence[Level], others: Sequence[Level]) -> list[Level]:
    """The folder that each file lies in where they lie at different depths; none where it only tells a part, and no level where it
    says what another one says."""
    depth = max(map(len, folders), default=0)
    if depth <= 1 or depth == min(map(len, folders), default=0):
        return []
    split_levels = {level.index for level in split}
    level = Level(-1, tuple(path[-1] if path and len(path) - 1 not in split_levels else "" for path in folders))
    return [] if any(level.names == other.names for other in others) else [level]


def divide_folders(folders: Sequence[Sequence[str]]) -> list[list[str]]:
    """train_ripe, train_raw, test_ripe as a folder of the part with one of the class in it, where all of a level are such and the
    classes come again under several parts."""
    paths = [list(path) for path in folders]
    for index in range(max(map(len, paths), default=0)):
        names = {path[index] for path in paths if len(path) > index}
        halves = {name: match.groups() for name in names if (match := PART_AND_CLASS.fullmatch(name))}
        parts = {part.lower() for part, _rest in halves.values()}
        rests = Counter(rest.lower() for _part, rest in halves.values())
        is_told = len(halves) == len(names) and len(parts) > 1 and len(rests) > 1 and max(rests.values()) > 1
        if is_told and not any(part_of_folder(name) for name in names):
            return [
                [*path[:index], *halves[path[index]], *path[index + 1 :]] if len(path) > index else path
                for path in paths
            ]
    return paths


def first_filled(names: Sequence[str]) -> str:
    return next((name for name in names if name), "")


def part_of_folder(name: str) -> str:
    """The part that a folder's name tells, by itself or beside a word that says nothing else: test, train_images."""
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    parts = [word for word in words if word in kinds.SPLIT_VALUES]
    return kinds.SPLIT_VALUES[parts[0]] if len(parts) == 1 and set(words) - set(parts) <= PART_WORDS else ""


def tells_parts(level: Level, levels: Sequence[Level]) -> bool:
    """Whether all its names are parts; or several are, and below them the same classes come again. A class may be called
    train (beside bus and car)."""
    names = level.distinct
    parts = {part_of_folder(name) for name in names}
    if not any(parts):
        return False
    if "" not in parts:
        return True
    return len(parts) > 2 and any(is_crossed(level, other) for other in levels if other.index > level.index)


def is_crossed(outer: Level, inner: Level) -> bool:
    """Whether names of `inner` come under several of `outer`."""
    above = names_above(outer, inner)
    return bool(above) and sum(len(names) > 1 for names in above.values()) >= 0.5 * len(above)


def names_above(outer: Level, inner: Level) -> dict[str, set[str]]:
    """{name of `inner`: names of `outer` that it comes under}."""
    above: dict[str, set[str]] = defaultdict(set)
    for high, low in zip(outer.names, inner.names, strict=True):
        if low and high:
            above[low].add(high)
    return above


def score_levels(levels: Sequence[Level], parts: Sequence[str]) -> list[tuple[float, Level]]:
    """(points, level), the likeliest class first."""
    scored = [(score_level(level, levels, parts), level) for level in levels]
    return sorted(scored, key=lambda candidate: (-candidate[0], candidate[1].index))


def score_level(level: Level, levels: Sequence[Level], parts: Sequence[str]) -> float:
    """Points for a level as the class: several names, for all files, each of several files, no groups, all in every part."""
    names, count = level.distinct, len(level.names)
    filled = sum(map(bool, level.names))
    points = 2.0 if len(names) > 1 else -4.0
    points -= 4.0 * (1 - filled / max(count, 1))
    points -= 4.0 * group_share(level)
    points -= 2.0 if filled < 2 * len(names) else 0.0
    points -= 3.0 if len(names) > kinds.MAX_LABELS else 0.0
    points -= 0.25 if level.index < 0 else 0.0
    if any(parts):
        by_part: dict[str, set[str]] = defaultdict(set)
        for part, name in zip(parts, level.names, strict=True):
            by_part[part].add(name)
        points += (
            0.5 if all(len(names_of_part & set(names)) == len(names) for names_of_part in by_part.values()) else 0.0
        )
    rivals = [other for other in levels if other.index >= 0 and level.index >= 0 and len(other.distinct) > 1]
    inner = [other for other in rivals if other.index > level.index]
    outer = [other for other in rivals if other.index < level.index]
    # Where the same names come again under each other name, the inner ones are the classes (site/class); where each
    # has names of its own below, the outer ones are (class/what it was taken from).
    points += 0.5 * sum(is_crossed(other, level) for other in outer)
    points += 0.5 * sum(not is_crossed(level, other) for other in inner)
    return points


def group_share(level: Level) -> float:
    """Share of its names that look like a camera, a person, a day; half for names that differ by their ends alone."""
    names = level.distinct
    if not names:
        return 0.0
    share = sum(GROUP.fullmatch(name) is not None for name in names) / len(names)
    if share >= MIN_GROUP_SHARE:
        return share
    stem = shared_beginning([name.lower() for name in names])
    if len(names) > 1 and len(stem) >= 3 and not stem.startswith(CLASS_STEMS):
        ends = [name[len(stem) :] for name in names]
        if stem[-1] in " _-." or all(len(end) <= 2 for end in ends):
            return MIN_GROUP_SHARE if re.match(rf"({GROUP_WORDS})s?(?![a-z])", stem) else 0.5
    return share


def shared_beginning(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    return first[: next((index for index, letter in enumerate(first) if letter != last[index : index + 1]), len(first))]


def group_cells(finest: Level, grouping: Sequence[Level]) -> list[str]:
    """A name for each file's group: take_1 of person_a and take_1 of person_b are two, unless those above say less."""
    above = [level for level in grouping if level.index < finest.index and is_crossed(level, finest)]
    if above and all(
        re.match(r"\d|take|session|sess|run|day|date|clip|scene|seq", name.lower()) for name in finest.distinct
    ):
        # What a person did twice is one person's: the level above keeps more together.
        return list(max(above, key=lambda level: level.index).names)
    return list(finest.names)


def name_of_groups(level: Level) -> str:
    """A column's name by what the folders are called: camera, person, day."""
    first = level.distinct[0].lower()
    if re.fullmatch(r"\d{4}[-_.]?\d{2}.*|\d{1,2}[-_.]\d{1,2}[-_.]\d{2,4}", first):
        return "day"
    match = re.match(rf"({GROUP_WORDS})(?![a-z]{{2}})", first)
    full = {"cam": "camera", "spk": "speaker", "subj": "subject", "sub": "subject", "pat": "patient", "sess": "session"}
    return full.get(match[1], match[1]) if match else UNNAMED_GROUP
