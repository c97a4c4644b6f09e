"""Texts as mail and helpdesks keep them: HTML in cells, quoted replies and signatures below what was written. What is taken away is a
reading, so that a person can have the cells as they were."""

import re
from collections.abc import Callable, Sequence
from html import unescape

from trainer.data.dataset import Dataset
from trainer.data.label_columns import replace_cells
from trainer.data.readings import Choice, Choices, Reading, preview_of, readings_as_json
from trainer.messages import Message, _

SAMPLE = 1_000
MIN_SHARE = 0.05
"""Share of the texts with tags or quoted lines from which a column is asked about."""
KEEP, STRIP = "keep", "strip"
TAG = re.compile(r"</?(p|br|div|span|a|b|i|u|em|strong|ul|ol|li|table|tbody|tr|td|th|h[1-6]|img|html|body|head|font|blockquote|pre|hr)(?=[\s/>])[^<>]{0,2000}>", re.IGNORECASE)  # fmt: skip
BREAK = re.compile(r"</?(p|br|div|li|tr|h[1-6]|blockquote|hr)(?=[\s/>])[^<>]{0,2000}>", re.IGNORECASE)
HIDDEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
QUOTED = re.compile(
    r"^[ \t]*(?:-{2,} ?(?:original message|forwarded message|ursprüngliche nachricht|message d'origine|mensaje original|原始邮件) ?-{2,}"
    r"|_{10,}\s*$|on .{8,200}wrote:|am .{8,200}schrieb.{0,120}:|le .{8,200}a écrit ?:|el .{8,200}escribió:|il .{8,200}ha scritto:|在.{6,200}写道[:：]"
    r"|##- .{5,120} -##|from: .{3,200}\n[ \t]*(?:sent|date|to): |von: .{3,200}\n[ \t]*(?:gesendet|an): )",
    re.IGNORECASE | re.MULTILINE,
)
"""Where the quoted part of a mail begins: clients' own lines, and the line that Zendesk writes above replies."""
SIGNATURE = re.compile(
    r"^(?:-- ?|[ \t]*(?:sent from my .{3,40}|get outlook for .{3,20}|von meinem .{3,40} gesendet|envoyé de mon .{3,40}|enviado desde mi .{3,40}|发自我的.{2,20}))\s*$",
    re.IGNORECASE | re.MULTILINE,
)
Cleaner = Callable[[str], str]


def without_tags(text: str) -> str:
    """HTML as a person sees it; a text without tags as it is."""
    if TAG.search(text) is None:
        return text
    plain = unescape(TAG.sub(" ", BREAK.sub("\n", HIDDEN.sub(" ", text))))
    lines = [" ".join(line.split()) for line in plain.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def without_quotes(text: str) -> str:
    """What was written, without the mail below it that it answers, and without a signature; all of it where nothing else stands."""
    cuts = [match.start() for pattern in (QUOTED, SIGNATURE) if (match := pattern.search(text))]
    written = text[: min(cuts)] if cuts else text
    if "\n>" in written or written.startswith(">"):
        written = "\n".join(line for line in written.splitlines() if not line.lstrip().startswith(">"))
    return written.strip() or text


CLEANERS: dict[str, tuple[Cleaner, Message, Message]] = {
    "html": (without_tags, _("Take the HTML tags away"), _("Keep the HTML")),
    "quoted": (without_quotes, _("Take quoted replies and signatures away"), _("Keep quoted replies and signatures")),
}


def read_texts(dataset: Dataset, choices: Choices) -> None:
    """Ask of each column of texts with tags, or with quoted replies, whether they stay. They go without being asked for from the HTML
    of exports that are known; quoted replies stay until somebody says otherwise."""
    readings: list[Reading] = []
    is_export = any("export" in source for source in dataset.sources)
    for name in dataset.names:
        if name in dataset.kinds:
            continue
        for what in CLEANERS:
            sample = [cell for cell in dataset.column(name).slice(0, SAMPLE).to_pylist() if cell]
            asked = choices.pick(what, (KEEP, STRIP), column=name)
            reading = clean(dataset, name, what, sample, asked, STRIP if is_export and what == "html" else KEEP)
            readings += [reading] if reading else []
    dataset.readings += readings_as_json(readings)


def clean(
    dataset: Dataset, name: str, what: str, sample: Sequence[str], asked: str | None, usual: str
) -> Reading | None:
    cleaner, strip, keep = CLEANERS[what]
    likely = [cell for cell in sample if "<" in cell] if what == "html" else [cell for cell in sample if "\n" in cell]
    changed = [(cell, plain) for cell in likely if (plain := cleaner(cell)) != cell.strip() and plain != cell]
    if asked is None and len(changed) < max(2, MIN_SHARE * len(sample)):
        return None
    chosen = asked or usual
    labels = {STRIP: strip, KEEP: keep}
    previews = {
        STRIP: preview_of([name], [[plain] for _cell, plain in changed[:3]]),
        KEEP: preview_of([name], [[cell] for cell, _plain in changed[:3]]),
    }
    if chosen == STRIP:
        replace_cells(dataset, name, lambda cell: cleaner(cell))
    sentences: dict[tuple[str, str], Message] = {
        ("html", STRIP): _("“%(column)s” holds HTML; its tags were taken away", column=name),
        ("html", KEEP): _("“%(column)s” holds HTML, kept as it is", column=name),
        ("quoted", STRIP): _("Quoted replies and signatures were taken away from “%(column)s”", column=name),
        ("quoted", KEEP): _("“%(column)s” holds quoted replies or signatures, kept as they are", column=name),
    }
    other = KEEP if chosen == STRIP else STRIP
    confidence = 1.0 if asked else 0.85
    return Reading(
        what, chosen, sentences[what, chosen], [Choice(other, labels[other], previews[other])], confidence, column=name,
        preview=previews[chosen], is_asked=asked is not None,
    )  # fmt: skip
