"""README.md of an artifact, the model card: what a model does, how well, against what, and how to use it without Maquette."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import answers
from trainer.answers.baselines import title_of
from trainer.answers.metrics import named
from trainer.licences import OWN, notes
from trainer.packaging.base_licence import licence_of
from trainer.verdict import format_score

if TYPE_CHECKING:
    from trainer.learning.job import Job
    from trainer.learning.rows import Rows

MOST_FILES = 5


def model_card(job: "Job", rows: "Rows", figures: str, report: dict[str, Any]) -> str:
    """README.md of the artifact: what it does, how well, against what, and how to use it without Maquette.

    `figures`: how good it is, as Markdown (`Objective.card`).
    """
    base = job.spec.model.partition(":")[2]
    licence = licence_of(job.spec.model, job.task.models)
    licensed = "" if licence == OWN else f" (licence: {licence or 'see the base model'})"
    method = f"`{job.spec.method}`" + (f" (`{report['ladder']['winner']}` was kept)" if "ladder" in report else "")
    facts = [
        f"Base model: {base}{licensed}, method {method}, seed {job.spec.seed}.",
        *notes(licence),
        *data_of(job),
        rows_used(rows, report),
        *rows.card_facts(),
    ]
    listed = "\n".join(f"- {fact}" for fact in facts)
    title = f"{job.task.title}: {len(rows.labels)} labels" if rows.labels else job.task.title
    what = f"{job.task.summary}\n"
    if rows.labels:
        what += f"\nLabels: {', '.join(rows.labels[:30])}{' …' if len(rows.labels) > 30 else ''}.\n"
    return f"""# {title}

{what}
{listed}

## How good it is

{figures}
## What to beware of

{answers.get(job.task.answer).beware}

## Use it without Maquette

```python
{(rows.snippet() or job.task.snippet()).strip()}
```
"""


def data_of(job: "Job") -> list[str]:
    """What it was trained on: the files that a version was read from, and the hash of their content."""
    path = Path(job.spec.dataset.path)
    try:
        profile = json.loads((path / "profile.json").read_text("utf-8"))
        names = [str(each["name"]) for each in profile["source"]]
    except (OSError, ValueError, KeyError, TypeError):
        return [f"Data: `{path.name}`."]
    listed = ", ".join(f"`{name}`" for name in names[:MOST_FILES]) + (" …" if len(names) > MOST_FILES else "")
    return [f"Data: {listed} (SHA-256 of the rows {profile.get('sha256', 'unknown')})."]


def rows_used(rows: "Rows", report: dict[str, Any]) -> str:
    """What this model learned from, and what it was tested on."""
    learned, tested = report["learned"], report["test_rows"]
    count = learned["epochs"]
    epochs = f" for {count} epoch{'s' if count > 1 else ''}" if count else ""
    if report["evaluation"]["kind"] == "folds":
        how = ", the median of what was best in the rounds" if epochs else ""
        return (
            f"Rows: {tested:,}, each tested on once in {report['evaluation']['folds']} rounds by a model that had not seen it; "
            f"this model learned from all {learned['rows']:,} of them{epochs}{how}."
        )
    validated = f", {learned['validation']:,} for validation" if learned["validation"] else ""
    return f"Rows: {learned['rows']:,} learned from{epochs}{validated}, {tested:,} held out for the test and looked at once."


def comparison(report: dict[str, Any], *metrics: str) -> str:
    """The verdict, and this model in a table with its baselines."""
    models = {"**this model**": report["metrics"]}
    models |= {f"{title_of(name) or name}{quoted(figures)}": figures for name, figures in report["baselines"].items()}
    lines = [
        f"| | {' | '.join(named(name).within_sentence for name in metrics)} |",
        f"|---|{'---|' * len(metrics)}",
        *(
            f"| {title} | {' | '.join(written(figures[name], name) for name in metrics)} |"
            for title, figures in models.items()
        ),
    ]
    sentences = [report["verdict"]["sentence"], ""] if report["verdict"] else []
    if names := [leak["column"].replace("|", "/") for leak in report.get("leaks", [])]:
        listed = ", ".join(f"“{name}”" for name in names)
        sentences += [
            f"Alone {listed} decides nearly every answer: the score holds only where that is known in time.",
            "",
        ]
    return "\n".join([*sentences, *lines])


CHECKS = {
    "length": "characters, typically",
    "repeating": "repeat themselves",
    "language": "in the language of the actual answer",
    "copied": "of the long ones hold 50 characters of a training row",
    "json": "can be parsed as JSON",
    "schema": "keep to the schema of the training answers",
}


def answer_checks(report: dict[str, Any]) -> str:
    """What was checked of the answers to test prompts, beside the actual ones and those of the base model."""
    answers = report.get("answers")
    if not answers or not answers["checks"]:
        return ""
    sides = {"model": "this model", **({"base": "its base model"} if answers["base"] else {}), "truth": "actual"}
    lines = [
        f"| answers to {answers['rows']} test prompts | {' | '.join(sides.values())} |",
        f"|---|{'---|' * len(sides)}",
    ]
    for each in answers["checks"]:
        cells = [checked(each["name"], each[side]) for side in sides]
        lines.append(f"| {CHECKS[each['name']]} | {' | '.join(cells)} |")
    note = "" if answers["base"] else "\n\nThere is no base model to compare with: it was trained from scratch."
    return "\n".join(lines) + note


def checked(name: str, value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if name == "length" else f"{value:.0%}"


def written(value: float, metric: str) -> str:
    return f"{format_score(value, metric)}{'%' if named(metric).is_share else ''}"


def interval_of(report: dict[str, Any]) -> str:
    headline, how = report["headline"], report["interval"]
    method = "Wilson" if how["method"] == "wilson" else f"bootstrap of {how['resamples']:,} draws"
    low, high = written(headline["low"], headline["name"]), written(headline["high"], headline["name"])
    return f"The 95% confidence interval of {named(headline['name']).within_sentence} is {low} to {high} ({method})."


def quoted(figures: dict[str, Any]) -> str:
    return f" “{figures['label']}”" if "label" in figures else ""
