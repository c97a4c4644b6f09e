"""What the templates draw and say: `{% load maquette %}`. Filters are the functions of `webapp.core.words`."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import template
from django.db.models import Count, Q
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from webapp.core import charts, scores, states, words
from webapp.core.icons import GLYPHS, ICONS, PLINTH
from webapp.core.sentences import said

register = template.Library()

for name in (
    "money", "money_round", "price", "percent", "with_percent", "points", "count", "short_count", "figure", "size", "duration",
    "about", "remaining", "clock", "ago", "day", "time_of_day",
):  # fmt: skip
    register.filter(name, getattr(words, name))
for name in ("scored", "score_words", "score_ends", "score_interval", "metric_title", "metric_name"):
    register.filter(name, getattr(scores, name))


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A 16 px icon: hidden from screen readers, unless a label makes it the only word there is."""
    told = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="icon" viewBox="0 0 16 16" {}>{}</svg>', told, mark_safe(ICONS[name]))  # noqa: S308


@register.simple_tag
def glyph(kind: str = "arch", state: str = "draft", css: str = "") -> SafeString:
    """The sculpture of a prototype; `state`: draft, training, clay, live, asleep, removed. A word beside it says the same."""
    body = mark_safe(PLINTH + GLYPHS.get(kind, GLYPHS["arch"]))  # noqa: S308
    return format_html(
        '<svg class="glyph {}" data-state="{}" viewBox="5 3 38 42" aria-hidden="true">{}</svg>', css, state, body
    )


@register.simple_tag
def strip(
    value: Any = None, low: Any = None, high: Any = None, css: str = "", tick: Any = None, ends: Any = None
) -> SafeString:
    return charts.strip(value, low, high, css=css, tick=tick, ends=ends)


@register.simple_tag
def score_of(run: Any) -> SafeString:
    """The strip of a finished run's score, on a scale that starts at its worst baseline, with a mark at the best one."""
    head = run.headline or {}
    metric = str(head.get("name", ""))
    baselines = scores.baseline_scores(run.baselines, metric)
    ends = scores.strip_ends([head.get("value"), head.get("low"), head.get("high"), *baselines.values()], metric)
    best = max(baselines.values(), key=lambda value: scores.rank(value, metric), default=None)
    return charts.strip(words.number(head.get("value")), head.get("low"), head.get("high"), tick=best, ends=ends)


@register.simple_tag
def bar(share: Any, css: str = "", label: str = "") -> SafeString:
    """A bar of one part: its share of the whole, 0 to 1."""
    return charts.bars([(css, words.number(share) or 0.0)], label=label)


@register.simple_tag
def bars(*parts: Any, whole: Any = 1, label: str = "", css: str = "tall") -> SafeString:
    """`{% bars "k1" learn "k2" tune whole=rows %}`: colour classes and amounts in turn, of a whole."""
    total = words.number(whole) or 1.0
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return charts.bars(
        [(colour, (words.number(amount) or 0.0) / total) for colour, amount in pairs], label=label, css=css
    )


@register.simple_tag
def key(css: str, label: Any) -> SafeString:
    """The square of a colour and its word, as a legend has it."""
    return charts.key(css, str(label))


register.filter("message_of", said)
register.filter("run_state", states.run_state)


@register.filter
def in_language(text: str) -> str:
    """Words of a declaration or a price list of ours, in the reader's language; anybody else's as they are."""
    return _(text) if text else ""


@register.filter
def dated(value: Any, form: str) -> str:
    return words.dated(value, form)


@register.filter
def share_of(part: Any, whole: Any) -> float:
    """`part` ÷ `whole`, 0 when there is no whole."""
    total = words.number(whole) or 0.0
    return (words.number(part) or 0.0) / total if total else 0.0


@register.simple_tag
def high_mark(budget: Any) -> str:
    """From where a meter of money turns to the warning colour: five sixths of the whole."""
    return f"{(words.number(budget) or 0) * 5 / 6:.2f}"


@register.filter
def minus(left: Any, right: Any) -> Decimal:
    return (words.decimal(left) or Decimal(0)) - (words.decimal(right) or Decimal(0))


@register.filter
def heat(part: Any, whole: Any) -> int:
    """Level 1 to 7 of a matrix cell by its share of the row; 0 for none."""
    share = share_of(part, whole)
    return min(7, max(1, -int(-share * 7 // 1))) if share > 0 else 0


@register.filter
def get(mapping: Any, name: Any) -> Any:
    """The value of a key, or the item at an index, that a variable holds; None when it is not there."""
    try:
        return mapping[name]
    except (KeyError, IndexError, TypeError):
        return None


STAGE_WORDS = {
    "prepare": lambda: _("Prepare"),
    "load": lambda: pgettext("stage of a run", "Load model"),
    "train": lambda: pgettext("stage of a run", "Train"),
    "evaluate": lambda: _("Evaluate"),
    "package": lambda: _("Package"),
}


@register.filter
def stage_title(name: str) -> str:
    word = STAGE_WORDS.get(name)
    return str(word()) if word else name


def charted(curves: dict[str, dict[str, list[Any]]]) -> list[str]:
    """Which metrics are drawn: the loss and the leading score, each only where there is a line to draw."""
    lines = [name for name, series in curves.items() if any(len(points) > 1 for points in series.values())]
    leading = next((name for name in scores.leading() if name in lines and name != "loss"), None)
    return [name for name in ("loss", leading) if name in lines]


@register.simple_tag
def live_charts(live: dict[str, Any]) -> list[SafeString]:
    """The charts of a run at work, up to where it is thought to end. Methods without epochs have none."""
    stage: dict[str, Any] = next((one for one in live["stages"] if one["name"] == "train"), {})
    last = max((points[-1][0] for series in live["curves"].values() for points in series.values() if points), default=0)
    end = last / stage["fraction"] if 0.02 < stage.get("fraction", 0) < 1 and last else last
    end = round(end) if end >= 1 else end
    now = last if stage.get("state") == "now" and last < end else None
    unit = epochs_unit(end)
    return [
        charts.metric_chart(name, live["curves"][name], title=scores.metric_title(name), end=end, unit=unit, now=now)
        for name in charted(live["curves"])
        if name not in live["without_epochs"]
    ]


@register.simple_tag
def report_charts(history: list[dict[str, Any]]) -> list[SafeString]:
    """The same of a finished run, from its report."""
    names = list(dict.fromkeys(row["name"] for row in history or [] if row.get("epoch", 0) is not None))
    curves = {name: charts.curves_of(history, name) for name in names}
    end = max((points[-1][0] for series in curves.values() for points in series.values() if points), default=0)
    return [
        charts.metric_chart(name, curves[name], title=scores.metric_title(name), unit=epochs_unit(end))
        for name in charted(curves)
    ]


def epochs_unit(end: float) -> str:
    return ngettext("epoch", "epochs", round(end) or 1)


@register.simple_tag
def best_so_far(live: dict[str, Any]) -> dict[str, Any] | None:
    """The best validation score until now: {name, value, at (epochs), points (how many epochs there are)}."""
    for name in scores.leading():
        points = live["curves"].get(name, {}).get("validation", [])
        if points:
            at, value = max(points, key=lambda point: scores.rank(point[1], name))
            epochs = 1 if name in live["without_epochs"] else len(points)
            return {"name": name, "value": value, "at": at, "points": epochs}
    return None


@register.simple_tag
def validated_on(live: dict[str, Any], best: dict[str, Any] | None, validation_rows: Any = None) -> str:
    """What the best validation score rests on: “3-fold over 288 rows”, “36 rows, epoch 2”."""
    if not best:
        return ""
    rows = int(live["validated"].get("rows") or words.number(validation_rows) or 0)
    folds = live["validated"].get("folds")
    parts = []
    if rows and folds:
        parts.append(_("%(folds)d-fold over %(rows)s rows") % {"folds": folds, "rows": words.count(rows)})
    elif rows:
        parts.append(ngettext("%(rows)s row", "%(rows)s rows", rows) % {"rows": words.count(rows)})
    if best["points"] > 1:
        parts.append(_("epoch %(number)s") % {"number": words.figure(best["at"])})
    return ", ".join(parts)


@register.filter
def epoch_words(live: dict[str, Any]) -> str:
    """“, epoch 3” of the training stage, from the last point of the loss."""
    last = [points[-1][0] for points in live["curves"].get("loss", {}).values() if points]
    steps = [len(points) for points in live["curves"].get("loss", {}).values()]
    return _(", epoch %(number)d") % {"number": int(max(last)) + 1} if last and max(steps) > 1 else ""


@register.filter
def example_text(example: Any) -> str:
    """The input of an example, whatever shape the artifact keeps it in."""
    if isinstance(example, dict):
        return str(example.get("text", example.get("input", "")))
    return "" if example is None else str(example)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """The page's own query string with some of its values replaced; an empty value takes one away."""
    asked = context["request"].GET.copy()
    for name, value in changes.items():
        asked.pop(name, None)
        if value not in (None, ""):
            asked[name] = str(value)
    return f"?{asked.urlencode()}"


@register.filter
def whole_words(text: str, length: int) -> str:
    """At most this many characters and an ellipsis, cut between words; within one only where it alone is half of them, as
    in writing without spaces."""
    text = " ".join(str(text).split())
    if len(text) <= length:
        return text
    cut = text[: length + 1].rfind(" ")
    return (text[:cut] if cut > length // 2 else text[:length]).rstrip(" ,;:") + "…"


@register.filter
def in_two(text: str) -> dict[str, str]:
    """A message as a title and what follows it, cut after its first clause."""
    found = re.match(r"(.+?)(?:[.:;] +|[。：；])(\S.*)", text, re.DOTALL)
    if not found:
        return {"title": text.rstrip(".。"), "rest": ""}
    rest = found[2]
    return {"title": found[1], "rest": rest[0].upper() + rest[1:]}


@register.filter
def page_count(page: Any) -> int:
    """Of a page of rows, or of Django's paginator."""
    return int(getattr(page, "pages", None) or page.paginator.num_pages)


@register.filter
def page_numbers(page: Any) -> list[int | None]:
    """Which pages a pager names: the first, the last, and those around this one; None stands for a gap."""
    number, pages = page.number, page_count(page)
    shown = sorted({1, pages, *range(max(1, number - 1), min(pages, number + 1) + 1)})
    found: list[int | None] = []
    for one in shown:
        if found and one - (found[-1] or 0) > 1:
            found.append(None)
        found.append(one)
    return found


NAVIGATION: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("home", "tiles", lambda: _("Prototypes")),
    ("models", "cube", lambda: _("Models")),
    ("workers", "chip", lambda: _("Workers")),
    ("costs", "coin", lambda: _("Costs")),
    ("docs", "book", lambda: _("Docs")),
)


@register.simple_tag(takes_context=True)
def navigation(context: template.Context) -> list[dict[str, Any]]:
    """The main menu; every page that belongs to no other entry belongs to the prototypes."""
    match = getattr(context.get("request"), "resolver_match", None)
    here = match.url_name if match else ""
    own = {name for name, _icon, _word in NAVIGATION} | {"settings"}
    section = here if here in own else "home"
    return [{"name": name, "icon": icon, "title": word(), "here": name == section} for name, icon, word in NAVIGATION]


@register.simple_tag(takes_context=True)
def standing(context: template.Context, prototype: Any) -> dict[str, Any]:
    """{state, runs, live, paused} of a prototype, for its sculpture and its tabs. `paused`: live, but its budget is spent."""
    counted = prototype.runs.order_by().values_list("status")
    counted = counted.annotate(n=Count("pk"), models=Count("pk", filter=Q(model_removed_at=None)))
    statuses = {status: n for status, n, _models in counted}
    endpoint = getattr(prototype, "endpoint", None)
    live = bool(endpoint and endpoint.status == "live")
    spend = context.get("spend")
    budget_is_spent = bool(spend and spend.is_spent)
    state = states.state_of(
        live=live,
        endpoint=bool(endpoint),
        active=bool(set(statuses) - {"succeeded", "failed", "cancelled"}),
        finished=any(status == "succeeded" and models for status, _n, models in counted),
        removed="succeeded" in statuses,
        budget_is_spent=budget_is_spent,
    )
    paused = live and budget_is_spent
    return {"state": state, "runs": sum(statuses.values()), "live": live and not paused, "paused": paused}


@register.simple_tag
def home_sentence(counts: dict[str, int]) -> str:
    """The home page's title: what the prototypes are doing, in one sentence."""
    sentences = (
        ("live", _("%(n)s live")),
        ("paused", _("%(n)s paused by the budget")),
        ("training", _("%(n)s training")),
        ("clay", _("%(n)s ready to share")),
        ("asleep", _("%(n)s paused")),
        ("removed", _("%(n)s without a model")),
        ("draft", _("%(n)s not trained")),
    )
    return " · ".join(text % {"n": counts[state]} for state, text in sentences if counts.get(state)) or _(
        "Your prototypes"
    )
