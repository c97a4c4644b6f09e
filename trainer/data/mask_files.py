"""Pictures that only mark areas of other pictures (masks): images/1.jpg with masks/1.png, or 1.jpg with 1_mask.png. They are no pictures to
learn from, and no class."""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from trainer.data import media
from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.messages import Message, ngettext

WHAT, LEAVE_OUT, PICTURES = "masks", "leave_out", "pictures"
NEGATED = r"(?!(.*[-_ ])?(no|non|not|un|with|without|missing|incorrect)[-_ ])"
"""Folders of photos with and without a mask (people) or a label (what nobody labelled) are classes, or none."""
FOLDER = re.compile(
    NEGATED
    + r"((.*[-_ ])?(masks?|labels?|label[-_ ]?ids|annotations?|annots?|segmentations?|segmentation(class|object)|seg|gts?|ground[-_ ]?truths?|trimaps?)"
    r"([-_ ]?(png|images?))?|(train|val|test)annots?)",
    re.IGNORECASE,
)
ENDING = re.compile(
    r"[-_. ]+(masks?|labels?|label[-_ ]?ids|gt|seg|segmentation|l|lab|trimap)([-_ ]?\d+)?$", re.IGNORECASE
)
FEWEST, LEAST_PAIRED = 3, 0.8
"""Masks of which it can be told, and share of a folder's pictures that must have a partner of their name elsewhere."""
SAMPLE, SIDE, MAX_BYTES, MAX_PIXELS = 4, 64, 16 << 20, 50_000_000
MOST_COLOURS, MOST_GREYS, LEAST_COVERED = 12, 24, 0.95
"""A mask is of few flat colours: so many (sixteenths of each channel), or so many of 256 greys, cover this share of it. JPEG blurs a
colour into its neighbours; a grey photo has far more greys than that, and few sixteenths."""
SAME = 16
"""How far the channels of a grey are apart, at most."""


def find_masks(archive: Archive, entries: Sequence[Entry]) -> list[Entry]:
    """Those of the pictures that are named like masks of others, and look so."""
    inside = {entry.name for entry in entries if any(FOLDER.fullmatch(part.strip()) for part in entry.parts[:-1])}
    plain = {stem(entry) for entry in entries if entry.name not in inside}
    stems = {(tuple(entry.parts[:-1]), stem(entry)) for entry in entries}
    folders: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    masks: list[Entry] = []
    for entry in entries:
        if entry.name in inside:
            folders[tuple(entry.parts[:-1])].append(entry)
        elif ENDING.search(stem(entry)) and (tuple(entry.parts[:-1]), without_ending(entry)) in stems:
            masks.append(entry)
    for held in folders.values():
        paired = [entry for entry in held if {stem(entry), without_ending(entry)} & plain]
        masks += paired if len(paired) >= LEAST_PAIRED * len(held) else []
    sample = masks[:: max(len(masks) // SAMPLE, 1)][:SAMPLE]
    return masks if len(masks) >= FEWEST and all(is_flat(archive, entry) for entry in sample) else []


def stem(entry: Entry) -> str:
    return entry.parts[-1].rpartition(".")[0].lower()


def without_ending(entry: Entry) -> str:
    return ENDING.sub("", stem(entry))


def is_flat(archive: Archive, entry: Entry) -> bool:
    """Whether a picture is of a few flat colours."""
    from PIL import Image

    try:
        with archive.open(entry) as file, Image.open(file, formats=media.IMAGE_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return False
            small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)
    except (EntryError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    pixels = np.asarray(small, dtype=np.int16).reshape(-1, 3)
    is_grey = np.ptp(pixels, axis=1) <= SAME
    if is_grey.mean() >= LEAST_COVERED:
        return covered(pixels.mean(axis=1).astype(np.int16)[:, None], MOST_GREYS)
    return covered(pixels >> 4, MOST_COLOURS)


def covered(values: np.ndarray, most: int) -> bool:
    """Whether the `most` commonest rows of `values` (pixels, channels) are nearly all of them."""
    counts = np.unique(values, axis=0, return_counts=True)[1]
    return bool(np.sort(counts)[-most:].sum() >= LEAST_COVERED * len(values))


def are_left_out(choices: Choices, file: str) -> bool:
    return choices.pick(WHAT, (LEAVE_OUT, PICTURES), file) != PICTURES


def mask_reports(masks: Sequence[Entry], choices: Choices, file: str) -> tuple[list[Reading], list[LeftOut]]:
    """What is told of them; nothing where there are none."""
    if not masks:
        return [], []
    asked = choices.pick(WHAT, (LEAVE_OUT, PICTURES), file)
    chosen = asked or LEAVE_OUT
    count = len(masks)
    ways: dict[str, Message] = {
        LEAVE_OUT: ngettext(
            "%(count)s mask marks areas of another picture; it is not read",
            "%(count)s masks mark areas of other pictures; they are not read",
            count,
        ),
        PICTURES: ngettext("%(count)s mask is read as a picture", "%(count)s masks are read as pictures", count),
    }
    others = [Choice(way, ways[way]) for way in ways if way != chosen]
    reading = Reading(WHAT, chosen, ways[chosen], others, 1.0 if asked else 0.85, file, is_asked=asked is not None)
    if chosen == PICTURES:
        return [reading], []
    sentence = ngettext(
        "%(count)s mask was left out: areas are not learned. Export boxes from your labelling tool, or sort the pictures into folders.",
        "%(count)s masks were left out: areas are not learned. Export boxes from your labelling tool, or sort the pictures into folders.",
        count,
    )
    return [reading], [LeftOut(WHAT, count, sentence, file, "", [entry.name for entry in masks[:5]])]
