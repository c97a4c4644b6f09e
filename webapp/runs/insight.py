"""Data and model of a run from above, as its page shows them: the map of the rows, typical and odd ones, the neighbours of a row, the
tree that imitates a model of a table, and what each of its columns does."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from webapp.core.charts import Series, format_coordinate, key, line_chart
from webapp.core.formats import figure, percent
from webapp.core.numbers import whole
from webapp.runs import examining, inputs
from webapp.runs.models import Examination, Run

Found = Mapping[str, Any]
COLOURS = ("k1", "k2", "k3", "k4", "k5")
LINES = ("", "two", "k3", "k4")
"""Of the curves of a partial dependence."""
OTHERS = "others"
WIDTH, HEIGHT, MARGIN, RADIUS = 100, 62, 1.5, 0.75
MOST_SHOWN = 12
"""Classes whose rows are listed."""


class Colouring(NamedTuple):
    """`keys`: (class of the colour, what it stands for); `of`: the class of each point."""

    keys: list[tuple[str, str]]
    of: list[str]


def shown(run: Run, query: Mapping[str, str]) -> dict[str, Any] | None:
    """The card of the run's page: {state, problem}, and when ready what `described` gives and the `medium` of the rows. Of `query` `colour`
    and `row` are read."""
    card = examining.card(run, Examination.Kind.INSIGHT)
    if card is None or card["state"] != "ready":
        return card
    insight = described(card["result"], query.get("colour", ""), whole(query.get("row", ""), None))
    return card | insight | {"medium": medium_of(run)}


def medium_of(run: Run) -> str:
    """image or audio, where a row is one file; of others the words of a point say what it is."""
    fields = inputs.fields_of(run)
    return fields[0].kind if len(fields) == 1 and fields[0].kind in inputs.MEDIA else ""


def described(insight: Found, colour: str = "", row: int | None = None) -> dict[str, Any]:
    """{map {svg, keys, colours [(name, title, is_chosen)], row, classes, reader, variance}, rules, fidelity, curves}."""
    tree, dependence = insight["tree"], insight["dependence"]
    return {
        "map": map_of(insight["map"], colour, row) if insight["map"] else None,
        "rules": [rule._asdict() for rule in rules_of(tree["tree"])] if tree else [],
        "fidelity": fidelity_words(tree["fidelity"]) if tree else "",
        "curves": [curve_of(dependence["labels"], column) for column in dependence["columns"]] if dependence else [],
    }


# The map


def map_of(insight: Found, colour: str, row: int | None) -> dict[str, Any]:
    titles = {"label": _("Label"), "part": _("Split"), "right": _("Right and wrong")}
    if not insight["labels"]:
        titles = {"part": titles["part"]}
    chosen = colour if colour in titles else next(iter(titles))
    colouring = colours_of(insight, chosen)
    by_row = {point["row"]: point for point in insight["points"]}
    return {
        "svg": plot(insight["points"], colouring, chosen, row),
        "keys": [key(css, label) for css, label in colouring.keys],
        "colours": [(name, title, name == chosen) for name, title in titles.items()],
        "row": told_row(insight, by_row, row) if row in by_row else None,
        "classes": [
            {
                "label": each["label"],
                "typical": [by_row[number] for number in each["typical"]],
                "odd": [by_row[number] for number in each["odd"]],
            }
            for each in insight["classes"][:MOST_SHOWN]
        ],
        "count": len(insight["points"]),
        "variance": percent(sum(insight["variance"]), 0),
        "colour": chosen,
    }


def colours_of(insight: Found, by: str) -> Colouring:
    """Of labels the five commonest have a colour each; a sixth alone is named too."""
    points = insight["points"]
    if by == "label":
        order = sorted({point["label"] for point in points} - {None}, key=lambda label: -count(points, label))
        css = dict(zip(order, COLOURS, strict=False))
        keys = [(css[label], insight["labels"][label]) for label in order[: len(COLOURS)]]
        rest = [insight["labels"][label] for label in order[len(COLOURS) :]]
        unlabelled = count(points, None)
        more = [(OTHERS, rest[0] if len(rest) == 1 and not unlabelled else _("all others"))]
        return Colouring(
            keys + (more if rest or unlabelled else []), [css.get(point["label"], OTHERS) for point in points]
        )
    if by == "right":
        keys = [("k1", _("right")), ("k4", _("wrong")), (OTHERS, _("not tested on"))]
        return Colouring(keys, [{True: "k1", False: "k4", None: OTHERS}[point["right"]] for point in points])
    parts = {"train": "k1", "validation": "k2", "test": "k5"}
    titles = {"train": _("train"), "validation": _("validation"), "test": _("test")}
    keys = [(css, titles[part]) for part, css in parts.items() if any(point["part"] == part for point in points)]
    return Colouring(keys, [parts.get(point["part"], OTHERS) for point in points])


def count(points: Sequence[Found], label: int | None) -> int:
    return sum(point["label"] == label for point in points)


def plot(points: Sequence[Found], colouring: Colouring, colour: str, row: int | None) -> SafeString:
    """Each point is a link to its row for whoever has a pointer; the lists beside the map have links for everybody. Those without a
    colour lie below."""
    order = sorted(range(len(points)), key=lambda place: (points[place]["row"] == row, colouring.of[place] != OTHERS))
    circles = format_html_join(
        "",
        '<a href="?{}#insight" tabindex="-1"><circle class="{}{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle></a>',
        (
            (
                urlencode({"colour": colour, "row": points[place]["row"]}),
                colouring.of[place],
                " chosen" if points[place]["row"] == row else "",
                format_coordinate(MARGIN + points[place]["x"] * (WIDTH - 2 * MARGIN)),
                format_coordinate(HEIGHT - MARGIN - points[place]["y"] * (HEIGHT - 2 * MARGIN)),
                format_coordinate(2 * RADIUS if points[place]["row"] == row else RADIUS),
                points[place]["shown"],
            )
            for place in order
        ),
    )
    return format_html('<svg class="map" viewBox="0 0 {} {}" aria-hidden="true">{}</svg>', WIDTH, HEIGHT, circles)


def told_row(insight: Found, by_row: Mapping[int, Found], row: int | None) -> dict[str, Any]:
    """{row, shown, label, part, right, nearest [{row, shown, label, similarity}]}."""
    point, labels = by_row[row or 0], insight["labels"]
    near = [
        dict(by_row[neighbour["row"]]) | {"similarity": percent(neighbour["similarity"], 0)}
        for neighbour in insight["nearest"].get(str(row), [])
    ]
    named: list[dict[str, Any]] = [
        row_shown | {"label": label_of(row_shown, labels)} for row_shown in (dict(point), *near)
    ]
    return named[0] | {"nearest": named[1:]}


def label_of(point: Found, labels: Sequence[str]) -> str:
    return "" if point["label"] is None else labels[point["label"]]


# Of tables


class Rule(NamedTuple):
    """A way down the tree: `when` in words, what is answered at its end, of how many `rows`, and the `share` that it holds for."""

    when: str
    answer: str
    share: str
    rows: int


def rules_of(node: Found, before: tuple[str, ...] = ()) -> Iterator[Rule]:
    if "answer" in node:
        answer = node["answer"] if isinstance(node["answer"], str) else figure(node["answer"])
        share = "" if node["share"] is None else percent(node["share"], 0)
        yield Rule(_(" and ").join(before) or _("always"), answer, share, node["rows"])
        return
    for side in ("yes", "no"):
        yield from rules_of(node[side], (*before, condition(node, is_true=side == "yes")))


def condition(node: Found, *, is_true: bool) -> str:
    if "level" in node:
        words = _("%(column)s is “%(level)s”") if is_true else _("%(column)s is not “%(level)s”")
        return words % {"column": node["column"], "level": node["level"]}
    column = node["column"] if not node["part"] else f"{node['column']} ({part_words(node['part'])})"
    return f"{column} {'≤' if is_true else '>'} {figure(node['at_most'])}"


def part_words(part: str) -> str:
    return {"year": _("year"), "month": _("month"), "weekday": _("weekday"), "hour": _("hour")}[part]


def fidelity_words(fidelity: Found) -> str:
    if fidelity["low"] is None:
        words = _("Its numbers explain %(value)s of the variance of the model’s, on %(rows)s test rows.")
        return words % {"value": percent(fidelity["value"], 0), "rows": fidelity["rows"]}
    return _("It answers %(value)s of %(rows)s test rows as the model does (%(level)s CI %(low)s to %(high)s).") % {
        "value": percent(fidelity["value"], 0),
        "rows": fidelity["rows"],
        "level": percent(0.95, 0),
        "low": percent(fidelity["low"], 0),
        "high": percent(fidelity["high"], 0),
    }


def curve_of(labels: Sequence[str], column: Found) -> dict[str, Any]:
    """{column, chart} of a number, {column, lines [{value, answers}]} of a category."""
    write = (lambda value: percent(value, 0)) if labels else figure
    values = column["values"]
    answer_texts = [", ".join(map(write, each)) for each in column["answers"]]
    if column["kind"] == "category":
        lines = [{"value": value, "answers": answers} for value, answers in zip(values, answer_texts, strict=True)]
        return {"column": column["column"], "lines": lines, "labels": ", ".join(labels)}
    start = min(values)
    series = [
        Series(
            label, [(value - start, each[place]) for value, each in zip(values, column["answers"], strict=True)], css
        )
        for place, (label, css) in enumerate(zip(labels or [""], LINES, strict=False))
    ]
    chart = line_chart(
        series,
        title=column["column"],
        sentence="; ".join(f"{figure(value)}: {each}" for value, each in zip(values, answer_texts, strict=True)),
        format_value=write,
        bounds=(0.0, 1.0) if labels else bounds_of(column["answers"]),
        labels=[figure(start), figure((start + max(values)) / 2), figure(max(values))],
    )
    return {"column": column["column"], "chart": chart}


def bounds_of(answers: Sequence[Sequence[float]]) -> tuple[float, float]:
    flat = [value for each in answers for value in each]
    return min(flat), max(flat)
