"""Tables with columns of texts: whether the text is read beside the other columns, or alone, is said and can be chosen."""

from trainer import tasks
from trainer.data.columns import map_columns
from trainer.data.dataset import Dataset
from trainer.data.readings import Choice, Choices, Reading, readings_as_json
from trainer.messages import _, joined
from trainer.suggestion import beside_text, suggest

WHAT, TABLE, TEXT = "text_columns", "table", "text"
TABULAR = ("tabular-classification", "tabular-regression")
MOST_NAMED = 4


def read_mixed_table(dataset: Dataset, choices: Choices) -> None:
    """Where a suggested task reads a table that has texts, or a text that has other columns beside it, say so; `text_columns=text`
    or `=table` asks for the other."""
    texts = [column["name"] for column in dataset.profile if column["kind"] == "text"]
    if not texts or dataset.task not in (*TABULAR, "text-classification"):
        return
    chosen = TABLE if dataset.task in TABULAR else TEXT
    others = {TABLE: suggest(dataset.profile, "text-classification"), TEXT: table_guess(dataset)}
    task, roles, _shape = others[chosen]
    answer = dataset.roles.get(tasks.shapes()[dataset.task].answer, "")
    if not task or not beside_text(dataset.profile, answer):
        return
    asked = choices.pick(WHAT, (TABLE, TEXT))
    if asked and asked != chosen:
        map_columns(dataset, roles, task)
        chosen = asked
    names = joined([f"“{name}”" for name in texts[:MOST_NAMED]], ", ")
    read = dataset.roles.get("text", "")
    sentences = {
        TABLE: _("A table with texts: %(texts)s are read beside the other columns", texts=names),
        TEXT: _("“%(text)s” is read alone; the other columns are left out", text=read),
    }
    labels = {TABLE: _("Read all columns, the texts too"), TEXT: _("Read the text alone")}
    other = TEXT if chosen == TABLE else TABLE
    reading = Reading(
        WHAT,
        chosen,
        sentences[chosen],
        [Choice(other, labels[other])],
        1.0 if asked else 0.9,
        is_asked=asked is not None,
    )
    dataset.readings += readings_as_json([reading])


def table_guess(dataset: Dataset) -> tuple[str | None, dict[str, str], object]:
    """The table task that predicts what the text task now does."""
    answer = dataset.roles.get("label", "")
    return suggest(dataset.profile, TABULAR[0], {"target": answer} if answer else None)
