"""Long recordings with what is said when: Kaldi's segments, Praat's TextGrid, subtitles (SRT, VTT). They are cut to clips with a
transcript each, or read whole."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.box_formats.voc import parse_xml
from trainer.data.cuts import Cut
from trainer.data.decoded_text import decode_text
from trainer.data.readings import Choice, Choices, Reading
from trainer.data.sidecars import name_texts, read_lines, read_scripts
from trainer.messages import _, ngettext

if TYPE_CHECKING:
    from trainer.data.media_files import Files

WHAT, CUT, WHOLE = "clips", "cut", "whole"
SUFFIXES = (".textgrid", ".eaf", ".srt", ".vtt")
MAX_BYTES = 16 << 20
SNIFFED_TEXTS = 20
MAX_CUTS = 20_000
"""Of one recording."""
TOO_MANY = f"is one of more than {MAX_CUTS:,} clips of its recording"
MIN_SHARE = 0.5
"""Share of the recordings that must have such a file beside them."""
TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
CUE = re.compile(rf"{TIME}\s*-->\s*{TIME}")
TRACK = re.compile(r"(\d+(?:[.,]\d+)?)\t(\d+(?:[.,]\d+)?)(?:\t(.*))?")
SPEAKER = re.compile(r"<v(?:\.[\w.]+)?\s+([^>]{1,100})>")
PAUSES = frozenset(["", "sil", "sp", "spn", "<sil>", "<eps>", "<p:>", "#", "_", "pau"])
"""What tiers of a TextGrid call a silence."""
SMALL_TIERS = re.compile(r"phone|phon|segment|syll|word|ort\b|mau|kan|char|point|tone|stress|pitch", re.IGNORECASE)
"""Tiers of words and sounds, which are parts of a sentence."""


@dataclass
class Recordings:
    """`cuts`: by path of the recording; `form`: kaldi, textgrid or subtitles; `used`: paths of the files that told them;
    `is_fine`: whether the cuts are words or sounds rather than sentences."""

    form: str
    cuts: dict[str, list[Cut]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    is_fine: bool = False


def read_recordings(files: "Files") -> Recordings | None:
    """What is said when in the archive's recordings; None where nothing tells."""
    return read_segments(files) or read_beside(files)


def choose(recordings: Recordings, choices: Choices, file: str) -> tuple[bool, Reading]:
    """Whether to cut, and the reading that says it."""
    asked = choices.pick(WHAT, (CUT, WHOLE), file)
    chosen = asked or (WHOLE if recordings.is_fine else CUT)
    count, clips = len(recordings.cuts), sum(map(len, recordings.cuts.values()))
    sentence = (
        ngettext(
            "%(count)s recording was cut to %(clips)s clips, each with its transcript.",
            "%(count)s recordings were cut to %(clips)s clips, each with its transcript.",
            count,
            clips=f"{clips:,}",
        )
        if chosen == CUT
        else ngettext(
            "%(count)s recording was read whole, with all of its transcript.",
            "%(count)s recordings were read whole, each with all of its transcript.",
            count,
        )
    )
    labels = {CUT: _("Cut to clips"), WHOLE: _("Read whole")}
    other = WHOLE if chosen == CUT else CUT
    confidence = 1.0 if asked else 0.8 if recordings.is_fine else 0.95
    return chosen == CUT, Reading(
        WHAT, chosen, sentence, [Choice(other, labels[other])], confidence, file, is_asked=asked is not None
    )


def whole_cells(cuts: list[Cut]) -> dict[str, str | None]:
    """The cells of a recording that is not cut: all that is said, and the speaker where there is one alone."""
    texts = [cut.cells.get("text") or "" for cut in sorted(cuts, key=lambda cut: cut.start)]
    cells: dict[str, str | None] = {"text": " ".join(text for text in texts if text) or None}
    speakers = {cut.cells.get("speaker") for cut in cuts}
    return cells | ({"speaker": speakers.pop()} if len(speakers) == 1 and None not in speakers else {})


# Kaldi


def read_segments(files: "Files") -> Recordings | None:
    """Of Kaldi's folders: `segments` (utterance, recording, start, end), with `text` and `utt2spk` beside it."""
    recordings = Recordings("kaldi")
    segments = [entry for entry in files.others if base_name(entry) == "segments"]
    if segments:
        read_scripts(files)
    for entry in segments:
        folder = entry.parts[:-1]
        siblings = {base_name(other): other for other in files.others if other.parts[:-1] == folder}
        tables = {
            name: dict(pairs(files.archive, siblings[name])) if name in siblings else {} for name in ("text", "utt2spk")
        }
        lines = list(pairs(files.archive, entry))
        read = [(own_id, files.find(rest.split()[0] if rest else ""), rest.split()[1:3]) for own_id, rest in lines]
        if not any(recording for _id, recording, _times in read):
            continue
        recordings.used |= {entry.name, *(siblings[name].name for name in siblings if name in KALDI)}
        for number, (own_id, recording, times) in enumerate(read, 1):
            span = parse_span(times)
            if recording is None or span is None:
                why = "names a recording that is not in the archive" if recording is None else "has no start and end"
                files.missing.append(f"line {number} of {entry.name} {why}")
                continue
            cells: dict[str, str | None] = {"text": tables["text"].get(own_id) or None}
            if tables["utt2spk"]:
                cells["speaker"] = tables["utt2spk"].get(own_id) or None
            if not add_cut(recordings.cuts.setdefault(recording.name, []), Cut(*span, cells)):
                files.missing.append(f"line {number} of {entry.name} {TOO_MANY}")
    return recordings if recordings.cuts else None


KALDI = frozenset(
    ["segments", "text", "utt2spk", "spk2utt", "wav.scp", "utt2dur", "reco2dur", "utt2num_frames", "spk2gender"]
)


def base_name(entry: Entry) -> str:
    return entry.parts[-1].casefold().removesuffix(".txt")


def pairs(archive: Archive, entry: Entry) -> Iterator[tuple[str, str]]:
    """(first word, the rest) of each line."""
    for line in read_lines(archive, entry):
        first, _blank, rest = line.strip().replace("\t", " ").partition(" ")
        yield first, rest.strip()


def parse_span(times: list[str]) -> tuple[float, float | None] | None:
    try:
        start, end = float(times[0]), float(times[1])
    except (ValueError, IndexError):
        return None
    if not (0 <= start < 1e6) or not end < 1e6:
        return None
    return start, None if end < 0 else end


def add_cut(cuts: list[Cut], cut: Cut) -> bool:
    """Whether a recording has no more clips than are cut yet, and this one is added."""
    if len(cuts) >= MAX_CUTS:
        return False
    cuts.append(cut)
    return True


# Beside the recordings


def read_beside(files: "Files") -> Recordings | None:
    """TextGrids and subtitles of the same name as a recording, beside it or alone of that name elsewhere."""
    texts = [entry for entry in files.others if entry.suffix == ".txt"]
    has_tracks = any(is_track(read_text(files.archive, entry)) for entry in texts[:SNIFFED_TEXTS])
    tracks = [entry for entry in texts if has_tracks and is_track(read_text(files.archive, entry))]
    documents = [
        entry for entry in files.others if entry.suffix == ".json" and segments_of(read_text(files.archive, entry))
    ]
    tellers = [entry for entry in files.others if entry.suffix in SUFFIXES] + tracks
    if len(tellers) < MIN_SHARE * len(files.media):  # Whisper writes the same as JSON, subtitles and a table
        tellers += documents
    if not tellers or len(tellers) < MIN_SHARE * len(files.media):
        return None
    recordings = Recordings("subtitles")
    for entry in tellers:
        stem = entry.name.rsplit(".", 1)[0]
        names = (stem, strip_language(stem))  # talk.two.srt may belong to talk.two.wav
        ends = (name.rsplit("/", 1)[-1] for name in names)
        recording = next((file for name in (*names, *ends) if (file := files.find(name))), None)
        if recording is None or recording.name in recordings.cuts:
            continue
        text = read_text(files.archive, entry)
        cuts = cuts_in(entry, text, recordings)
        if cuts:
            recordings.cuts[recording.name] = cuts[:MAX_CUTS]
            files.missing += [f"clip {n + 1} of {entry.name} {TOO_MANY}" for n in range(MAX_CUTS, len(cuts))]
            recordings.used.add(entry.name)
    if recordings.form == "audacity":
        name_texts([cut.cells for cuts in recordings.cuts.values() for cut in cuts], "image")
    return recordings if len(recordings.cuts) >= MIN_SHARE * len(files.media) else None


def cuts_in(entry: Entry, text: str, recordings: Recordings) -> list[Cut]:
    """What is said when by a file beside a recording; what form it has goes to `recordings`."""
    if entry.suffix in (".textgrid", ".eaf"):
        cuts, is_fine = grid_cuts(text) if entry.suffix == ".textgrid" else best_cuts(elan_tiers(text))
        recordings.form = "textgrid" if entry.suffix == ".textgrid" else "elan"
        recordings.is_fine = recordings.is_fine or is_fine
        return cuts
    if entry.suffix == ".json":
        recordings.form = "segments"
        return segments_of(text)
    if entry.suffix == ".txt":
        recordings.form = "audacity"
        return list(track_cuts(text))
    return list(cue_cuts(text))


def strip_language(stem: str) -> str:
    """talk.en.srt belongs to talk.mp4."""
    return re.sub(r"\.[a-z]{2,3}(-[A-Za-z]{2,4})?$", "", stem)


def read_text(archive: Archive, entry: Entry) -> str:
    try:
        return decode_text(archive.read(entry, MAX_BYTES))
    except EntryError:
        return ""


def segments_of(text: str) -> list[Cut]:
    """Those of a transcript as Whisper and its relatives write it: {"segments": [{"start": 0.0, "end": 2.5, "text": " Hello."}]}."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return []
    listed = document.get("segments") if isinstance(document, dict) else None
    cuts = []
    for segment in listed if isinstance(listed, list) else []:
        span = parse_span([str(segment.get("start")), str(segment.get("end"))]) if isinstance(segment, dict) else None
        if span is None or not isinstance(segment.get("text"), str):
            return []
        speaker = segment.get("speaker")
        cells: dict[str, str | None] = {"text": " ".join(segment["text"].split()) or None}
        cuts.append(Cut(*span, cells | ({"speaker": speaker} if isinstance(speaker, str) else {})))
    return cuts


def is_track(text: str) -> bool:
    """Audacity's label track: lines of start, end and label."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("\\")]  # a line of frequencies
    return bool(lines) and all(map(TRACK.fullmatch, lines))


def track_cuts(text: str) -> Iterator[Cut]:
    """Points in time, whose start is their end, are no clips."""
    for line in text.splitlines():
        match = TRACK.fullmatch(line)
        if match and float(match[2].replace(",", ".")) > float(match[1].replace(",", ".")):
            start, end = (float(match[place].replace(",", ".")) for place in (1, 2))
            yield Cut(start, end, {"text": (match[3] or "").strip() or None})


def cue_cuts(text: str) -> Iterator[Cut]:
    """Cues of SRT and VTT: a line of times, lines of text below it. Marks within the text are left out."""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")):
        lines = block.strip().split("\n")
        place = next((n for n, line in enumerate(lines[:3]) if CUE.search(line)), None)
        if place is None:
            continue
        match = CUE.search(lines[place])
        assert match is not None
        spoken = " ".join(lines[place + 1 :])
        speaker = SPEAKER.search(spoken)
        words = " ".join(re.sub(r"<[^>]{0,200}>|\{\\[^}]{0,200}\}", " ", spoken).split())
        cells: dict[str, str | None] = {"text": words or None}
        if speaker:
            cells["speaker"] = speaker[1].strip()
        yield Cut(seconds(match.groups()[:4]), seconds(match.groups()[4:]), cells)


def seconds(pieces: tuple[str | None, ...]) -> float:
    hours, minutes, whole, part = pieces
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(whole or 0) + int((part or "0").ljust(3, "0")) / 1000


class Tier(NamedTuple):
    name: str
    cuts: list[Cut]


def grid_cuts(text: str) -> tuple[list[Cut], bool]:
    """The intervals of a TextGrid, long or short, as of `best_cuts`."""
    return best_cuts(read_tiers(text))


def best_cuts(listed: Iterable[Tier]) -> tuple[list[Cut], bool]:
    """(intervals of the tier of sentences, whether they are words or sounds). Where each tier is a speaker's, all of them."""
    tiers = [tier for tier in listed if tier.cuts]
    if not tiers:
        return [], False
    large = [tier for tier in tiers if not SMALL_TIERS.search(tier.name)]
    if not large:  # words come before sounds: the tier with fewer intervals
        return min(tiers, key=lambda tier: len(tier.cuts)).cuts, True
    if len(large) == 1:
        return large[0].cuts, False
    cuts = [cut._replace(cells=cut.cells | {"speaker": tier.name}) for tier in large for cut in tier.cuts]
    return sorted(cuts, key=lambda cut: cut.start), False


def elan_tiers(text: str) -> Iterator[Tier]:
    """Of ELAN (.eaf): annotations between two slots of time, in milliseconds. Those that only refer to others are passed over."""
    root = parse_xml(text.encode("utf-8", "replace"))
    if root is None:
        return
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    for tier in root.iter("TIER"):
        cuts = []
        for mark in tier.iter("ALIGNABLE_ANNOTATION"):
            times = [slots.get(mark.get(f"TIME_SLOT_REF{number}")) for number in (1, 2)]
            words = " ".join((mark.findtext("ANNOTATION_VALUE") or "").split())
            if all(time and time.isascii() and time.isdigit() and len(time) < 10 for time in times) and words.casefold() not in PAUSES:  # fmt: skip
                start, end = (int(time or 0) / 1000 for time in times)
                cuts += [Cut(start, end, {"text": words})] if end > start else []
        yield Tier(str(tier.get("TIER_ID") or ""), cuts)


def read_tiers(text: str) -> Iterator[Tier]:
    """Tiers of intervals. A TextGrid is a row of numbers and texts in quotes; its words between them say nothing more."""
    tokens = [
        quoted[1:-1].replace('""', '"') if quoted.startswith('"') else float(number)
        for quoted, number in re.findall(
            r'("(?:[^"]|"")*")|(?<![\w\[.])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w\]])', text
        )
    ]
    place = 0
    while place < len(tokens):
        if tokens[place] != "IntervalTier" or place + 4 >= len(tokens):
            place += 1
            continue
        name, count = tokens[place + 1], tokens[place + 4]
        place += 5
        cuts: list[Cut] = []
        for _number in range(int(count) if isinstance(count, float) and 0 <= count < 1e6 else 0):
            start, end, words = [*tokens[place : place + 3], None, None, None][:3]
            if not isinstance(start, float) or not isinstance(end, float) or not isinstance(words, str):
                break
            place += 3
            if words.strip().casefold() not in PAUSES:
                cuts.append(Cut(start, end, {"text": " ".join(words.split())}))
        yield Tier(str(name), cuts)
