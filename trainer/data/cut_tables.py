"""Tables with a row for each part of a recording, its start and end in seconds, milliseconds or samples: the recordings are cut by
them. What the times count is told by the column, else by how long the recordings are."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.clips import CUT, TOO_MANY, WHAT, WHOLE, add_cut
from trainer.data.cuts import Cut
from trainer.data.readings import SURE, Choice, Reading
from trainer.messages import Message, _, ngettext

if TYPE_CHECKING:
    from trainer.data.media_files import Files, MediaRow

UNIT = r"([ _-]*[(\[]?(time|s|secs?|seconds|ms|msecs?|millis|milliseconds?|samples?|frames?)[)\]]?)*"
START = re.compile(rf"(start|begin|onset|t0|from){UNIT}", re.IGNORECASE)
END = re.compile(rf"(end|stop|offset|t1|to){UNIT}", re.IGNORECASE)
IN_MILLISECONDS = re.compile(r"[ _(\[-](ms|msecs?|millis|milliseconds?)[)\]]?$", re.IGNORECASE)
IN_SAMPLES = re.compile(r"[ _(\[-](samples?|frames?)[)\]]?$", re.IGNORECASE)
CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):(\d{1,2}(?:[.,]\d{1,6})?)")
SECONDS, MILLISECONDS, SAMPLES = "seconds", "milliseconds", "samples"
TIMES = "clip_times"
MIN_SPANS, MIN_FITTING = 0.5, 0.9
"""Share of the rows that must have a start and an end for columns to be times; share of the recordings that they must fit."""
MEASURED, MEASURED_BYTES = 20, 64 << 20
BEHIND = 1.02
"""How many times as long as a recording the last end may be, which people round."""
MIN_REACHED = 0.01
"""Share of a recording that the last end reaches at least."""
MAX_TIME, MAX_SECONDS = 1e12, 1e6

Span = tuple[float, float]


class Length(NamedTuple):
    """Of a recording: `seconds`, and `rate` in Hz."""

    seconds: float
    rate: int


class Unit(NamedTuple):
    """What times count; `fits`: whether the recordings are as long."""

    name: str
    confidence: float
    fits: bool


def cut_rows(files: "Files", rows: list["MediaRow"]) -> tuple[list["MediaRow"], list[Reading], list[str]]:
    """(a row for each recording with its clips, what is told of it, lines that are left out) of rows of a table that name recordings
    several times with a start and an end each; any other rows as they are."""
    names = list(rows[0].cells) if rows and files.kind == "audio" else []
    start, end = (next((name for name in names if form.fullmatch(name.strip())), None) for form in (START, END))
    if start is None or end is None or len({row.entry.name for row in rows}) == len(rows):
        return rows, [], []
    spans = [span_of(row.cells[start], row.cells[end]) for row in rows]
    if sum(span is not None for span in spans) < MIN_SPANS * len(spans):
        return rows, [], []
    is_clock = sum(":" in (row.cells[end] or "") for row in rows) > MIN_SPANS * len(rows)
    lengths = measure(files.archive, rows)
    named = SECONDS if is_clock else unit_of_name(end)
    unit = choose_unit(named, ends_of(rows, spans), lengths)
    asked = files.choices.pick(TIMES, (SECONDS, MILLISECONDS, SAMPLES), files.archive.name)
    unit = unit if asked is None else Unit(asked, 1.0, True)
    if unit.name == SAMPLES:
        lengths = measure(files.archive, rows, most=len(rows))
    cut, bad = cut_by(rows, spans, (start, end), unit.name, lengths)
    choice = files.choices.pick(WHAT, (CUT, WHOLE), files.archive.name)
    chosen = choice or (CUT if unit.fits and cut else WHOLE)
    readings = [cut_reading(chosen, choice is not None, unit, cut, files.archive.name)]
    if unit.name != SECONDS or unit.confidence < SURE or asked:
        readings.append(times_reading(unit, asked is not None, files.archive.name))
    return (cut, readings, bad) if chosen == CUT else (rows, readings, [])


def span_of(start: str | None, end: str | None) -> Span | None:
    first, last = time_of(start), time_of(end)
    return None if first is None or last is None or last <= first else (first, last)


def time_of(cell: str | None) -> float | None:
    """A number, or hours, minutes and seconds as seconds; None for any other cell and for what is before the beginning."""
    text = (cell or "").strip().replace(",", ".")
    if match := CLOCK.fullmatch(text):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    try:
        time = float(text)
    except ValueError:
        return None
    return time if 0 <= time < MAX_TIME else None


def unit_of_name(name: str) -> str | None:
    """What a column says its times are; None where it says nothing."""
    if IN_MILLISECONDS.search(name.strip()):
        return MILLISECONDS
    return SAMPLES if IN_SAMPLES.search(name.strip()) else None


def measure(archive: Archive, rows: Sequence["MediaRow"], most: int = MEASURED) -> dict[str, Length]:
    """{path: length} of the first recordings that can be measured by their heads."""
    lengths: dict[str, Length] = {}
    for entry in list({row.entry.name: row.entry for row in rows}.values())[:most]:
        if length := length_of(archive, entry):
            lengths[entry.name] = length
    return lengths


def length_of(archive: Archive, entry: Entry) -> Length | None:
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(archive.read(entry, MEASURED_BYTES))) as sound:
            return Length(sound.frames / sound.samplerate, sound.samplerate) if sound.samplerate else None
    except (EntryError, RuntimeError, OSError, ValueError, TypeError):
        return None


def ends_of(rows: Sequence["MediaRow"], spans: Sequence[Span | None]) -> dict[str, float]:
    """{path of a recording: the last end in it}."""
    ends: dict[str, float] = {}
    for row, span in zip(rows, spans, strict=True):
        if span is not None:
            ends[row.entry.name] = max(ends.get(row.entry.name, 0.0), span[1])
    return ends


def choose_unit(named: str | None, ends: Mapping[str, float], lengths: Mapping[str, Length]) -> Unit:
    """What a column is called counts, unless only seconds make clips of it; else the first unit by which the last ends are within
    their recordings. Where none can be measured, it is a guess."""
    known = [(ends[path], length) for path, length in lengths.items() if path in ends]
    if named:
        tiny = sum(last * scale_of(named, length) < MIN_REACHED * length.seconds for last, length in known)
        is_wrong = named != SECONDS and known and tiny == len(known) and all(last <= BEHIND * length.seconds for last, length in known)  # fmt: skip
        return Unit(SECONDS, 0.7, True) if is_wrong else Unit(named, 0.95, True)
    if not known:
        return Unit(SECONDS, 0.7, True)
    for unit, confidence in ((SECONDS, 1.0), (MILLISECONDS, 0.85), (SAMPLES, 0.8)):
        fitting = sum(last * scale_of(unit, length) <= BEHIND * length.seconds + 0.5 for last, length in known)
        if fitting >= MIN_FITTING * len(known):
            return Unit(unit, confidence, True)
    return Unit(SECONDS, 0.5, False)


def scale_of(unit: str, length: Length | None) -> float:
    """Seconds for each of the unit."""
    if unit == SAMPLES:
        return 1 / length.rate if length else 0.0
    return 0.001 if unit == MILLISECONDS else 1.0


def cut_by(
    rows: Sequence["MediaRow"],
    spans: Sequence[Span | None],
    columns: tuple[str, str],
    unit: str,
    lengths: Mapping[str, Length],
) -> tuple[list["MediaRow"], list[str]]:
    """(a row for each recording, what is said of rows that give no clip)."""
    cut: dict[str, MediaRow] = {}
    clips: dict[str, list[Cut]] = {}
    bad: list[str] = []
    for number, (row, span) in enumerate(zip(rows, spans, strict=True), 1):
        where = row.where or f"row {number}"
        scale = scale_of(unit, lengths.get(row.entry.name))
        if span is None or not scale or span[1] * scale >= MAX_SECONDS:
            bad.append(f"{where} has no start and end")
            continue
        cells = {name: cell for name, cell in row.cells.items() if name not in columns}
        made = clips.setdefault(row.entry.name, [])
        if add_cut(made, Cut(span[0] * scale, span[1] * scale, cells)):
            cut.setdefault(row.entry.name, replace(row, cells={}, cuts=made))
        else:
            bad.append(f"{where} {TOO_MANY}")
    return list(cut.values()), bad


def cut_reading(chosen: str, is_asked: bool, unit: Unit, cut: Sequence["MediaRow"], file: str) -> Reading:
    sentences: dict[str, Message] = {
        CUT: ngettext(
            "%(count)s recording was cut to %(clips)s clips by the times in its table.",
            "%(count)s recordings were cut to %(clips)s clips by the times in their table.",
            len(cut),
            clips=f"{sum(len(row.cuts) for row in cut):,}",
        ),
        WHOLE: _("Each row of the table is a whole recording, whatever its times are"),
    }
    labels = {CUT: _("Cut to clips"), WHOLE: _("Read whole")}
    other = CUT if chosen == WHOLE else WHOLE
    confidence = 1.0 if is_asked else 0.9 if unit.fits else 0.5
    others = [Choice(other, labels[other])] if cut else []
    return Reading(WHAT, chosen, sentences[chosen], others, confidence, file, is_asked=is_asked)


def times_reading(unit: Unit, is_asked: bool, file: str) -> Reading:
    sentences = {
        SECONDS: _("Starts and ends in the table are seconds, beyond the end of the recordings"),
        MILLISECONDS: _("Starts and ends in the table are milliseconds"),
        SAMPLES: _("Starts and ends in the table are numbers of samples"),
    }
    sentence = _("Starts and ends in the table are seconds") if unit.name == SECONDS and unit.fits else sentences[unit.name]  # fmt: skip
    labels = {SECONDS: _("Seconds"), MILLISECONDS: _("Milliseconds"), SAMPLES: _("Samples")}
    others = [Choice(name, label) for name, label in labels.items() if name != unit.name]
    return Reading(TIMES, unit.name, sentence, others, unit.confidence, file, is_asked=is_asked)
