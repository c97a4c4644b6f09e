"""The robustness card of a run: how far its answers fall where inputs are made worse, each change as a curve and a sentence."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trainer.answers.metrics import named
from webapp.core.charts import Series, line_chart, shown_as
from webapp.core.formats import figure as figure_words
from webapp.core.formats import percent, points
from webapp.core.scores import metric_name, scored
from webapp.runs import examining
from webapp.runs.models import Examination, Run

Card = Mapping[str, Any]
NOTHING: Mapping[str, str] = {}


class Words(NamedTuple):
    """`condition` says what is wrong, with the `strength` in words."""

    title: Promise
    condition: Promise


CHANGES = {
    "slips": Words(gettext_lazy("Typing slips"), gettext_lazy("%(strength)s of the letters wrong")),
    "capitals": Words(gettext_lazy("Capitals"), gettext_lazy("%(strength)s of the words in capitals")),
    "accents": Words(gettext_lazy("Missing accents"), gettext_lazy("%(strength)s of the accents missing")),
    "order": Words(gettext_lazy("Swapped words"), gettext_lazy("%(strength)s of the words swapped with the next")),
    "blur": Words(gettext_lazy("Blur"), gettext_lazy("blur over %(strength)s of the shorter side")),
    "noise": Words(gettext_lazy("Noise"), gettext_lazy("noise of %(strength)s of the range")),
    "jpeg": Words(gettext_lazy("JPEG compression"), gettext_lazy("JPEG quality %(strength)s")),
    "light": Words(gettext_lazy("Brightness"), gettext_lazy("brightness changed by %(strength)s")),
    "turn": Words(gettext_lazy("Rotation"), gettext_lazy("rotation by %(strength)s")),
    "band": Words(gettext_lazy("Telephone band"), gettext_lazy("nothing but 300 Hz to %(strength)s")),
    "hiss": Words(gettext_lazy("Background noise"), gettext_lazy("noise %(strength)s below the recording")),
    "missing": Words(gettext_lazy("Missing values"), gettext_lazy("%(strength)s of the cells missing")),
}
UNITS: dict[str, Callable[[float], str]] = {
    "share": lambda value: percent(value, 1 if value < 0.01 else 0),
    "quality": lambda value: f"{value:g}",
    "degrees": lambda value: f"{value:g}°",
    "hertz": lambda value: f"{value:g}\u00a0Hz",
    "decibels": lambda value: f"{value:g}\u00a0dB",
}


def shown(run: Run, query: Mapping[str, str] = NOTHING) -> dict[str, Any] | None:
    """The card of the run's page: {state: none, working, failed or ready, problem, rows, score, folds, changes [{title, sentence,
    chart}], without_effect [title]}; None for a run without a model."""
    card = examining.card(run, Examination.Kind.ROBUSTNESS)
    return card | described(card["result"]) if card and card["state"] == "ready" else card


def described(card: Card) -> dict[str, Any]:
    metric = card["metric"]
    return {
        "rows": card["rows"],
        "folds": card["of"] == "folds",
        "score": value_words(card["score"], metric),
        "metric": metric_name(metric),
        "changes": [
            {
                "title": CHANGES[change["name"]].title,
                "sentence": sentence(card, change),
                "chart": chart(card, change),
            }
            for change in card["changes"]
        ],
        "without_effect": [CHANGES[name].title for name in card["without_effect"]],
    }


def sentence(card: Card, change: Card) -> str:
    """The mildest strength whose fall is shown; else that there is none."""
    metric = card["metric"]
    place = next((place for place, fall in enumerate(change["falls"]) if fall["low"] > 0), None)
    if place is None:
        worst = condition(change, len(change["strengths"]) - 1)
        return _("Even with %(condition)s: no loss that can be shown.") % {"condition": worst}
    fall, score = change["falls"][place], change["scores"][place]
    write = points if is_share(metric) else figure_words
    value, low, high = (write(fall[name]) for name in ("value", "low", "high"))
    words = {
        "condition": condition(change, place),
        "metric": metric_name(metric),
        "value": _("%(number)s points") % {"number": value} if is_share(metric) else value,
        "level": percent(0.95, 0),
        "low": low,
        "high": high,
        "before": value_words(card["score"], metric),
        "after": value_words(score, metric),
    }
    return (
        _(
            "With %(condition)s: %(metric)s %(after)s in place of %(before)s, %(value)s worse (%(level)s CI %(low)s to %(high)s)."
        )
        % words
    )


def condition(change: Card, place: int) -> str:
    """“5 % of the letters wrong”."""
    return str(CHANGES[change["name"]].condition) % {"strength": strength_words(change, place)}


def strength_words(change: Card, place: int) -> str:
    return UNITS[change["unit"]](change["strengths"][place])


def chart(card: Card, change: Card) -> str:
    metric = card["metric"]
    values = [card["score"], *change["scores"]]
    labels = [_("as is"), *(strength_words(change, place) for place in range(len(change["strengths"])))]
    bounds = (0.0, 1.0) if is_share(metric) and min(values) >= 0 else None
    return line_chart(
        [Series("", [(float(place), value) for place, value in enumerate(values)])],
        title=str(CHANGES[change["name"]].title),
        sentence="; ".join(
            f"{label}: {value_words(value, metric)}" for label, value in zip(labels, values, strict=True)
        ),
        format_value=shown_as(metric),
        bounds=bounds,
        labels=labels,
    )


def is_share(metric: str) -> bool:
    return named(metric).is_share


def value_words(value: float, metric: str) -> str:
    return percent(value) if is_share(metric) else scored(value, metric)
