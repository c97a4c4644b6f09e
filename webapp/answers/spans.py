"""Passages of a text, each with a label."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer.tagging.schemes import OUTSIDE, Scheme, parted, read_tags, scheme_of, write_tags
from trainer.tagging.units import text_of, words_of
from webapp.answers.base import Output, Presentation, Report, Size
from webapp.answers.classes import ranked_classes
from webapp.answers.labelled import Labelling, Row, as_cell, bad_label, label_of, listed

KEPT_ENTITIES = 50
SAID_ENTITIES = 6
MOST_CONFUSED = 10


KEPT_SCHEMES = 16
Span = tuple[int, int, str]
"""The first word, from 0, the one after the last, and the label."""


class Passages(Labelling):
    """Words of a text, from a first one to a last one, each with a label: a cell is the tags of all words, in the scheme of their column."""

    scripts = ("js/label-spans.js",)
    needs_row = True
    likeness = "exact_f1"

    def typed(self, fields: QueryDict) -> str:
        return fields.get("value") or "[]"

    def cell(self, value: object, row: Row) -> str:
        words = words_of(row.inputs.get("tokens"))
        if words is None:
            raise bad_label(_("This row is not a list of words."), _("Skip it, or leave it out."))
        spans = sorted(span_of(span, len(words)) for span in listed(value, form_of_spans()))
        scheme = scheme_in(row.cells())
        check_apart(spans, scheme)
        return as_cell(write_tags(spans, len(words), scheme))

    def value(self, cell: str) -> list[dict[str, Any]]:
        return [{"start": start, "end": end, "label": label} for start, end, label in spans_in(cell)]

    def label_text(self, cell: str) -> str:
        return ", ".join(label for _start, _end, label in spans_in(cell)) or _("nothing marked")

    def text_in_row(self, cell: str, inputs: Mapping[str, str | None]) -> str:
        """“Anna (person), Paris (place)”."""
        words = words_of(inputs.get("tokens")) or []
        named = [f"{text_of(words[start:end])[0]} ({label})" for start, end, label in spans_in(cell)]
        return ", ".join(named) or _("nothing marked")

    def in_words(self, value: Any) -> str:
        return ", ".join(span["label"] for span in value) or _("nothing marked")

    def labels(self, cell: str) -> list[str]:
        return [label for _start, _end, label in spans_in(cell)]

    def compared(self, cell: str) -> tuple[str, ...]:
        """Tags of all words in one scheme, whatever that of the column is."""
        return tuple(write_tags(spans_in(cell), len(words_of(cell) or []), "IOB2"))

    def parts(self, answer: tuple[str, ...]) -> list[str]:
        """The label of each word, "" for none."""
        return [parted(tag)[1] for tag in answer]

    def alike(self, first: tuple[str, ...], second: tuple[str, ...]) -> tuple[float, float]:
        ours, theirs = passages_of(first), passages_of(second)
        return 2.0 * len(ours & theirs), float(len(ours) + len(theirs))

    @property
    def likeness_title(self) -> str:
        return _("F1 of passages with the same words and label")

    def against(self, first: tuple[str, ...], second: tuple[str, ...]) -> list[tuple[str, str]]:
        """Of passages that differ: labels of those that share a word; a label beside its being somewhere else, or nowhere."""
        ours, theirs = passages_of(first), passages_of(second)
        pairs = [pair for passage in ours - theirs for pair in against_in(passage, theirs)]
        alone = [other for other in theirs - ours if not any(touch(passage, other) for passage in ours)]
        return [*pairs, *((label, _("not %(label)s") % {"label": label}) for *_places, label in alone)]


def form_of_spans() -> str:
    return _(
        'Passages look like [{"start": 0, "end": 2, "label": "person"}]: words from 0, the end is the word after the last.'
    )


def spans_in(cell: str) -> list[Span]:
    tags = words_of(cell) or []
    return read_tags(tags, scheme_of([tags])).passages


@lru_cache(maxsize=KEPT_SCHEMES)
def scheme_in(cells: tuple[str, ...]) -> Scheme:
    """That of a column."""
    return scheme_of(tags for cell in cells if (tags := words_of(cell)))


def passages_of(tags: tuple[str, ...]) -> set[Span]:
    return set(read_tags(tags, "IOB2").passages)


def touch(first: Span, second: Span) -> bool:
    return first[0] < second[1] and second[0] < first[1]


def against_in(passage: Span, others: set[Span]) -> list[tuple[str, str]]:
    """What stands against a passage that is not among the others."""
    label = passage[2]
    touching = [other for other in others if touch(passage, other)]
    if not touching:
        return [(label, _("not %(label)s") % {"label": label})]
    elsewhere = _("%(label)s with other bounds") % {"label": label}
    return [(label, other if other != label else elsewhere) for *_places, other in touching]


def span_of(value: object, words: int) -> Span:
    """`Problem` for a passage that is none of a text with so many words."""
    start, end = (value.get(name) if isinstance(value, dict) else None for name in ("start", "end"))
    if (
        not isinstance(value, dict)
        or not all(type(place) is int for place in (start, end))
        or set(value) - {"start", "end", "label"}
    ):
        raise bad_label(form_of_spans(), _("Send it again in this form."))
    assert isinstance(start, int)
    assert isinstance(end, int)
    if not 0 <= start < end <= words:
        raise bad_label(
            _("The passage from word %(start)d to %(end)d is not in the text.") % {"start": start, "end": end},
            _("This text has %(words)d words, counted from 0; the end is the word after the last.") % {"words": words},
        )
    return start, end, label_of(value.get("label"))


def check_apart(spans: list[Span], scheme: Scheme) -> None:
    """`Problem` for passages that the tags of their column cannot tell apart."""
    for (_start, end, label), (start, _end, other) in itertools.pairwise(spans):
        if start < end:
            raise bad_label(
                _("Two passages overlap: “%(first)s” and “%(second)s”.") % {"first": label, "second": other},
                _("Remove one of them: a word has one label at most."),
            )
        if scheme == "plain" and start == end and label == other:
            raise bad_label(
                _("Two passages “%(label)s” side by side would be read as one.") % {"label": label},
                _("Join them: the tags of this data do not say where a passage begins."),
            )
    if scheme == "plain" and (outside := next((label for *_places, label in spans if label in OUTSIDE), None)):
        raise bad_label(_("“%(label)s” cannot be a label.") % {"label": outside}, _("Use a word or two."))


class Spans(Presentation):
    key = "spans"
    labelling = Passages()

    @property
    def hint(self) -> str:
        return _("Marks passages in your text.")

    @property
    def mistakes_title(self) -> str:
        return _("Texts with the most errors")

    def answer_text(self, output: Output) -> str:
        """“Anna (person), Paris (place)”."""
        entities = output["entities"]
        named = [f"{entity['text']} ({entity['label']})" for entity in entities[:SAID_ENTITIES]]
        more = len(entities) - len(named)
        return ", ".join([*named, *(["…"] if more else [])]) or _("nothing marked")

    def shortened(self, output: Output) -> Output:
        return output | {"entities": output["entities"][:KEPT_ENTITIES]}

    def context(self, report: Report) -> dict[str, Any]:
        """weakest, scarcest, untested (`ranked_classes`), errors [{title, count}], confused [{truth, predicted, count}]."""
        errors = report.get("errors") or {}
        return {
            "errors": [
                {"title": title, "count": errors[kind]} for kind, title in error_titles().items() if errors.get(kind)
            ],
            "confused": [pair for pair in report.get("confusion") or [] if pair["truth"] and pair["predicted"]][
                :MOST_CONFUSED
            ],
            **ranked_classes(report.get("per_class", []), "f1"),
        }

    def mistake(self, mistake: dict[str, Any], picture_size: Callable[[], Size | None]) -> dict[str, Any]:
        counts = Counter(mistake.get("kinds", []))
        return {"errors": [words(kind, counts[kind]) for kind in error_titles() if counts[kind]]}


def error_titles() -> dict[str, str]:
    return {
        "missed": _("Missed"),
        "type": _("Wrong type"),
        "bounds": _("Wrong bounds"),
        "invented": _("Marked where nothing is"),
    }


def words(kind: str, number: int) -> str:
    shown = {"n": number}
    if kind == "missed":
        return ngettext("%(n)s missed", "%(n)s missed", number) % shown
    if kind == "type":
        return ngettext("%(n)s of the wrong type", "%(n)s of the wrong type", number) % shown
    if kind == "bounds":
        return ngettext("%(n)s with wrong bounds", "%(n)s with wrong bounds", number) % shown
    return ngettext("%(n)s marked where nothing is", "%(n)s marked where nothing is", number) % shown


PRESENTATION = Spans()
