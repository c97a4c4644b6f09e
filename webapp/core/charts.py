"""Charts drawn on the server as SVG. Numbers travel in attributes, so a strict content policy needs no exception."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from trainer.answers.metrics import named
from webapp.core.formats import figure, percent
from webapp.core.scores import rises

Point = tuple[float, float]
"""Metrics that are a share of all and better when greater: never drawn beyond 100 %."""
SMOOTHING = 0.85
NOISY = 12
"""From so many points on, a training curve is drawn thin, with its running mean on top."""


@dataclass(frozen=True)
class Series:
    label: str
    points: list[Point]
    css: str = ""
    """`` is the first colour, `two` the second, `raw` a thin line behind another."""


def format_coordinate(value: float) -> str:
    """A coordinate in an attribute, never in a language's own notation."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def step_of(span: float, parts: int) -> float:
    """The round step (1, 2, 2.5 or 5 times a power of ten) that cuts a span into at most `parts`."""
    rough = span / parts
    power: float = 10 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)


def ticks(low: float, high: float, parts: int = 3) -> list[float]:
    """Round values from at or below `low` to at or above `high`, evenly spaced."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = step_of(high - low, parts)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def running_mean(points: list[Point]) -> list[Point]:
    """Exponential, corrected for its start, so that it begins at the first value."""
    mean, weight, smoothed = 0.0, 0.0, []
    for x, y in points:
        mean = SMOOTHING * mean + (1 - SMOOTHING) * y
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        smoothed.append((x, mean / weight))
    return smoothed


def axis_y(marks: list[float], format_value: Callable[[float], str] | None) -> list[str]:
    """Labels of the left axis from the top down, all with the digits that the step between them needs."""
    if format_value:
        return [format_value(mark) for mark in reversed(marks)]
    step = marks[1] - marks[0]
    digits = next((n for n in range(8) if abs(step * 10**n - round(step * 10**n)) < 1e-6), 8)
    return [f"{mark:,.{digits}f}" if mark else "0" for mark in reversed(marks)]


def clean(points: Iterable[Any]) -> list[Point]:
    finite = []
    for x, y in points:
        if isinstance(x, (int, float)) and isinstance(y, (int, float)) and math.isfinite(x) and math.isfinite(y):
            finite.append((float(x), float(y)))
    return sorted(finite)


def axis_x(end: float, unit: str) -> list[tuple[float, str]]:
    """Labels at equal distances, since the list is laid out with equal gaps: every one is a true value."""
    parts = next((n for n in (4, 5, 3, 2) if end == int(end) and int(end) % n == 0), 2)
    marks = [end * index / parts for index in range(parts + 1)]
    texts = [f"{mark:,.2f}".rstrip("0").rstrip(".") for mark in marks]
    texts[-1] = f"{texts[-1]} {unit}".strip()
    return list(zip(marks, texts, strict=True))


def key(css: str, label: str) -> SafeString:
    colour = "k2" if css == "two" else css or "k1"
    return format_html(
        '<span class="key"><svg aria-hidden="true"><rect class="{}" width="100%" height="100%"/></svg>{}</span>',
        colour,
        label,
    )


def frame(
    title: str, keys: list[SafeString], rows: list[str], plot: SafeString, columns: list[str], css: str = ""
) -> SafeString:
    """The figure around a plot: caption with keys, labels on the left and below."""
    return format_html(
        '<figure class="chart {}"><figcaption>{}{}</figcaption><ol class="y" aria-hidden="true">{}</ol>{}'
        '<ol class="x" aria-hidden="true">{}</ol></figure>',
        css,
        format_html("<b>{}</b>", title) if title else "",
        format_html_join("", "{}", ((entry,) for entry in keys)),
        format_html_join("", "<li>{}</li>", ((row,) for row in rows)),
        plot,
        format_html_join("", "<li>{}</li>", ((column,) for column in columns)),
    )


def rules(count: int) -> SafeString:
    """Horizontal hairlines, as many as the left axis has labels."""
    heights = [format_coordinate(100 * index / max(1, count - 1)) for index in range(count)]
    return format_html_join("", '<line x1="0" x2="100" y1="{}" y2="{}"/>', ((y, y) for y in heights))


def plot_of(sentence: str, inside: SafeString) -> SafeString:
    return format_html(
        '<svg class="plot" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        sentence,
        inside,
    )


def line_chart(  # noqa: PLR0913  all but the series are options
    series: list[Series],
    *,
    title: str,
    sentence: str,
    format_value: Callable[[float], str] | None = None,
    end: float = 0.0,
    unit: str = "",
    now: float | None = None,
    bounds: tuple[float, float] | None = None,
    labels: list[str] | None = None,
    css: str = "",
) -> SafeString:
    """Lines over a common axis that starts at 0. `sentence` says what the lines do, for whoever does not see them.

    `bounds` fixes the left axis, `labels` replaces the lower one, `now` draws where a run stands.
    """
    series = [Series(line.label, clean(line.points), line.css) for line in series]
    values = [y for line in series for _x, y in line.points]
    end = max([end, *(x for line in series for x, _y in line.points)]) or 1.0
    marks = ticks(*(bounds or (min(0.0, *values) if len(values) > 1 else 0.0, max(values, default=1.0))))
    low, high = marks[0], marks[-1]

    def path(points: list[Point]) -> str:
        dots = [
            f"{format_coordinate(100 * x / end)},{format_coordinate(100 - 100 * (y - low) / (high - low))}"
            for x, y in points
        ]
        return "M" + " ".join(dots if len(dots) > 1 else dots * 2)

    lines = format_html_join(
        "", '<path class="{}" d="{}"/>', ((line.css, path(line.points)) for line in series if line.points)
    )
    where = format_coordinate(100 * now / end) if now else None
    upright = format_html('<line class="now" x1="{}" x2="{}" y1="0" y2="100"/>', where, where) if where else ""
    inside = format_html("{}{}{}", rules(len(marks)), upright, lines)
    keys = [key(line.css, line.label) for line in series if line.css != "raw" and line.label]
    columns = labels or [text for _mark, text in axis_x(end, unit)]
    return frame(title, keys, axis_y(marks, format_value), plot_of(sentence, inside), columns, css)


SPLITS: dict[str, tuple[str, Callable[[], str]]] = {
    "train": ("", lambda: _("train")),
    "validation": ("two", lambda: _("validation")),
    "test": ("k3", lambda: _("test")),
}


def shown_as(name: str) -> Callable[[float], str] | None:
    return (lambda value: percent(value, 0)) if named(name).is_share else None


def metric_chart(
    name: str, curves: dict[str, list[Any]], *, title: str, end: float = 0.0, unit: str = "", now: float | None = None
) -> SafeString:
    """One metric of a run, learning and tuning rows in their colours, with the last values in the key."""
    series: list[Series] = []
    changes = []
    precise = percent if named(name).is_share else figure
    for split, (css, word) in SPLITS.items():
        points = clean(curves.get(split, []))
        if not points:
            continue
        if split == "train" and len(points) >= NOISY:
            series.append(Series("", points, "raw"))
            points = running_mean(points)
        series.append(Series(f"{word()} {precise(points[-1][1])}", points, css))
        changes.append(
            _("%(split)s went from %(first)s to %(last)s")
            % {"split": word(), "first": precise(points[0][1]), "last": precise(points[-1][1])}
        )
    values = [y for line in series for _x, y in line.points]
    bounds = (math.floor(min([*values, 0.9]) * 10) / 10, 1.0) if rises(name) else None
    sentence = f"{title}: {'; '.join(changes)}." if changes else f"{title}: {_('nothing measured yet')}."
    return line_chart(
        series, title=title, sentence=sentence, format_value=shown_as(name), end=end, unit=unit, now=now, bounds=bounds
    )


def curves_of(history: list[dict[str, Any]], name: str) -> dict[str, list[Point]]:
    """The points of one metric by split, from a report's history, over epochs where they are known, else steps."""
    curves: dict[str, list[Point]] = {}
    for row in history:
        if row.get("name") == name and row.get("value") is not None:
            x = row["epoch"] if row.get("epoch") is not None else row.get("step") or 0
            curves.setdefault(row.get("split", "train"), []).append((x, row["value"]))
    return curves


def stacked_columns(
    columns: list[tuple[str, list[float]]],
    *,
    kinds: list[tuple[str, str]],
    title: str,
    sentence: str,
    format_value: Callable[[float], str],
    labels: list[str],
) -> SafeString:
    """One column per `(name, amounts)`, its parts in the order and colours of `kinds` (colour class, word)."""
    marks = ticks(0.0, max([sum(amounts) for _name, amounts in columns], default=0.0) or 1.0)
    width = 100 / max(1, len(columns))
    rects = []
    for index, (name, amounts) in enumerate(columns):
        base = 100.0
        parts = []
        for (css, _word), amount in zip(kinds, amounts, strict=True):
            height = 100 * amount / marks[-1]
            base -= height
            if height:
                parts.append(
                    (
                        css,
                        format_coordinate(index * width + width * 0.16),
                        format_coordinate(base),
                        format_coordinate(width * 0.68),
                        format_coordinate(height),
                    )
                )
        inside = format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>', parts)
        rects.append(
            format_html("<g><title>{}</title>{}</g>", f"{name}: {format_value(sum(amounts))}", inside) if parts else ""
        )
    inside = format_html("{}{}", rules(len(marks)), format_html_join("", "{}", ((rect,) for rect in rects)))
    keys = [key(css, word) for css, word in kinds]
    return frame(title, keys, axis_y(marks, format_value), plot_of(sentence, inside), labels)


def bars(segments: list[tuple[str, float]], *, label: str = "", css: str = "") -> SafeString:
    """One bar of several parts; each is `(colour class, share of the whole)`."""
    start, rects = 0.0, []
    for colour, share in segments:
        width = max(0.0, min(100 * float(share), 100 - start))
        rects.append((colour, format_coordinate(start), format_coordinate(width)))
        start += width
    aria = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    inside = format_html_join("", '<rect class="{}" x="{}%" width="{}%" height="100%"/>', rects)
    return format_html('<svg class="bars {}" {}>{}</svg>', css, aria, inside)


def strip(
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    *,
    css: str = "",
    tick: float | None = None,
    ends: tuple[float, float] | None = None,
) -> SafeString:
    """A score between its ends, with its interval as a band; `ends` zooms in, as (0.8, 1.0) does."""
    first, last = ends or (0.0, 1.0)

    def place(share: float) -> float:
        return max(0.0, min(100.0, 100 * (float(share) - first) / (last - first)))

    parts = [mark_safe('<line x1="0" x2="100%" y1="50%" y2="50%"/>')]
    if value is not None:
        parts.append(
            format_html('<line class="to" x1="0" x2="{}%" y1="50%" y2="50%"/>', format_coordinate(place(value)))
        )
    if low is not None and high is not None:
        width = format_coordinate(max(0.6, place(high) - place(low)))
        parts.append(
            format_html(
                '<rect class="band" x="{}%" width="{}%" y="4" height="8" rx="4"/>', format_coordinate(place(low)), width
            )
        )
    if tick is not None:
        parts.append(
            format_html('<line class="tick" x1="{0}%" x2="{0}%" y1="1" y2="15"/>', format_coordinate(place(tick)))
        )
    if value is not None:
        parts.append(format_html('<circle class="dot" cx="{}%" cy="50%" r="4"/>', format_coordinate(place(value))))
    return format_html(
        '<svg class="strip {}" aria-hidden="true">{}</svg>', css, format_html_join("", "{}", ((p,) for p in parts))
    )
