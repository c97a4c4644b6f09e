"""How far labelling is and how good a model is already, as the page and the API say it."""

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from webapp.core import charts
from webapp.core.formats import count, figure
from webapp.core.scores import metric_name, score_interval, score_words, scored
from webapp.core.sentences import translated
from webapp.labelling.models import Guide

CURVE_POINTS = 2
"""From which the score is drawn over the number of labels."""
THIN_SHOWN = 5
NAMES = {
    "words": gettext_noop("counted words"),
    "columns": gettext_noop("the columns of the table"),
    "tones": gettext_noop("the loudness of each frequency band"),
}


@dataclass(frozen=True)
class Thin:
    """A label with few rows; `more` are missing."""

    label: str
    rows: int
    more: int


def thin_of(counts: list[tuple[str, int]], enough: int) -> list[Thin]:
    """Those with fewer than `enough` rows, the fewest first."""
    thin = [Thin(label, rows, enough - rows) for label, rows in counts if rows < enough]
    return sorted(thin, key=lambda label: label.rows)


def thin_words(thin: list[Thin]) -> str:
    """“12 more of refund, 15 more of card”."""
    words = [_("%(n)d more of %(label)s") % {"n": label.more, "label": label.label} for label in thin[:THIN_SHOWN]]
    more = len(thin) - THIN_SHOWN
    if more > 0:
        words.append(ngettext("and %(n)d more label", "and %(n)d more labels", more) % {"n": more})
    return ", ".join(words)


def score_sentence(guide: Guide) -> str:
    """“84.0 % accuracy on 52 test rows (72.0–91.0 %)”; empty where nothing was tested yet."""
    score = guide.facts.get("score")
    if not score:
        return ""
    rows = ngettext(
        "%(score)s on %(rows)s test row (%(interval)s)", "%(score)s on %(rows)s test rows (%(interval)s)", score["rows"]
    )
    sentence = rows % {"score": score_words(score), "rows": count(score["rows"]), "interval": score_interval(score)}
    off = score.get("mae")
    if off is None:
        return sentence
    return _("%(score)s, off by %(miss)s on average") % {"score": sentence, "miss": figure(off)}


def stop_sentence(guide: Guide) -> str:
    """What says that more labels are of no use; empty as long as they may be."""
    change = guide.facts.get("change")
    if not change or not change["settled"]:
        return ""
    return _("The last %(n)d labels changed nothing that can be measured.") % {"n": change["labels"]}


def curve(guide: Guide) -> SafeString | str:
    """The score over the number of labels, its interval in thin lines."""
    metric = guide.history[-1].get("name", "accuracy") if guide.history else ""
    points = [point for point in guide.history if point.get("name", "accuracy") == metric]
    if len(points) < CURVE_POINTS:
        return ""
    lines = {name: [(point["labels"], max(point[name], 0.0)) for point in points] for name in ("value", "low", "high")}
    first, last = points[0], points[-1]
    facts = {"first": scored(first["value"], metric), "last": scored(last["value"], metric), "n": last["labels"]}
    facts["metric"] = capfirst(metric_name(metric))
    sentence = _("%(metric)s by number of labels: from %(first)s to %(last)s at %(n)d labels.") % facts
    return charts.line_chart(
        [
            charts.Series("", lines["low"], "raw"),
            charts.Series("", lines["high"], "raw"),
            charts.Series(facts["metric"], lines["value"]),
        ],
        title=_("%(metric)s by number of labels") % facts,
        sentence=sentence,
        format_value=lambda value: scored(value, metric),
        bounds=(0.0, 1.0),
    )


def reader_sentence(guide: Guide) -> str:
    """Where suggestions come from, or why there are none."""
    if guide.error:
        return str(translated(guide.error, "message"))
    if guide.result is None:
        return _("Suggestions are being prepared: the rows are read once.") if guide.due else ""
    is_measured = "vectors" in guide.facts
    reader = guide.facts.get("vectors" if is_measured else "reader")
    if reader is None:
        return _(
            "Nothing on this machine reads such rows, so there are no suggestions. Label at random or in file order."
        )
    name = _(NAMES[reader]) if reader in NAMES else reader.partition(":")[2]
    if not guide.facts.get("suggests", True):
        return _("Measured by a small model over %(name)s. It is trained again after every ten labels.") % {
            "name": name
        }
    return _("Suggested by a small model over %(name)s. It is trained again after every ten labels.") % {"name": name}


def as_json(guide: Guide) -> dict[str, Any]:
    """Of the API: `score`, its `history`, whether more labels still change anything, and what reads the rows."""
    score, change = guide.facts.get("score"), guide.facts.get("change")
    return {
        "score": score,
        "history": guide.history,
        "change": change,
        "settled": bool(change and change["settled"]),
        "reader": guide.facts.get("reader"),
        "learned_from": guide.facts.get("labels", 0),
        "at_work": guide.due,
    }
