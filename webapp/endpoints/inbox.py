"""What visitors of a demo judged, as rows of the next version of its data: looked through by a person, personal data masked.
Such rows are learned from, or join the pool where they have no label; never the test, which is frozen."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from trainer import personal_data, tasks
from trainer.columns import canonical_label
from webapp.accounts.models import User
from webapp.answers.labelled import check_label
from webapp.core.problems import Conflict, Problem
from webapp.datasets.actions import current_version
from webapp.datasets.appending import append_rows
from webapp.datasets.models import DatasetVersion
from webapp.endpoints import written_rows
from webapp.endpoints.models import Endpoint, Feedback
from webapp.labelling.queue import label_column

MOST_AT_ONCE = 500
TEXT, TABLE, CHAT = "text", "table", "chat"


@dataclass(frozen=True)
class Choice:
    """What a person makes of one judgement: the `text` where it was edited, and the `label`, or the answer of a conversation; ""
    for the pool."""

    pk: str
    label: str = ""
    text: str | None = None


def readable(version: DatasetVersion) -> str:
    """TEXT where rows are one text each, TABLE for tables, CHAT for conversations and questions with answers; `Problem` where
    judgements cannot be rows of it."""
    if written_rows.takes_conversations(version):
        return CHAT
    shape = tasks.shapes().get(version.suggestion.get("task") or "")
    if shape is None or label_column(version) is None or shape.reads not in (("text",), ()):
        raise Problem(
            _(
                "Only judgements of a classification of texts or tables, and of conversations, can be added to their data."
            ),
            code="no_inbox",
            hint=_("Correct the rows in the file."),
        )
    return TEXT if shape.reads else TABLE


def new_ones(endpoint: Endpoint, verdict: str = "") -> QuerySet[Feedback]:
    """Those that nobody has decided on."""
    fresh = endpoint.feedback.filter(settled_at=None)
    chosen: QuerySet[Feedback] = fresh.filter(verdict=verdict) if verdict else fresh
    return chosen


def suggested_label(judgement: Feedback) -> str:
    """What the visitor said it should have been; the answer where it was found right; else nothing."""
    if isinstance(judgement.output, dict) and "completion" in judgement.output:
        return written_rows.suggested_answer(judgement)
    answer = judgement.output.get("label", "") if isinstance(judgement.output, dict) else ""
    return judgement.should_have_been or (str(answer) if judgement.verdict == Feedback.UP else "")


def add_to_data(endpoint: Endpoint, user: User, choices: Sequence[Choice]) -> DatasetVersion:
    """The next version of the data, with these judgements as rows."""
    version = current_version(endpoint.prototype.dataset)
    kind = readable(version)
    judgements = chosen_ones(endpoint, choices)
    rows = [row_of(version, kind, judgements[choice.pk], choice) for choice in choices]
    made = append_rows(version, user, rows)
    mark_settled(endpoint, [choice.pk for choice in choices], made)
    return made


def dismiss(endpoint: Endpoint, ids: Sequence[str]) -> int:
    """They are not rows; the judgements stay in the list of all."""
    return mark_settled(endpoint, list(chosen_ones(endpoint, [Choice(pk) for pk in ids])), None)


def mark_settled(endpoint: Endpoint, ids: Sequence[str], version: DatasetVersion | None) -> int:
    return int(endpoint.feedback.filter(pk__in=ids).update(settled_at=timezone.now(), version_made=version))


def chosen_ones(endpoint: Endpoint, choices: Sequence[Choice]) -> dict[str, Feedback]:
    """By id. `Problem` for none, too many, and one that is not there; `Conflict` for one that somebody has decided on."""
    if not choices:
        raise Problem(_("No judgement was chosen."), code="none_chosen", hint=_("Choose at least one."))
    if len(choices) > MOST_AT_ONCE:
        raise Problem(
            _("At most %(limit)d judgements are taken at once.") % {"limit": MOST_AT_ONCE},
            code="too_many_rows",
            hint=_("Send them in several requests."),
        )
    by_id = {
        judgement.pk: judgement
        for judgement in endpoint.feedback.filter(pk__in=[judgement.pk for judgement in choices])
    }
    if any(judgement.pk not in by_id for judgement in choices):
        raise Problem(_("One of the judgements is not there any more."), code="not_found", hint=_("Reload the list."))
    if any(judgement.settled_at for judgement in by_id.values()):
        raise Conflict(
            _("Somebody has decided on one of these meanwhile."), code="decided_meanwhile", hint=_("Reload the list.")
        )
    return by_id


def row_of(version: DatasetVersion, kind: str, judgement: Feedback, choice: Choice) -> dict[str, Any]:
    """{column: cell}."""
    if kind == CHAT:
        return written_rows.row_of(version, judgement, choice.label)
    label = canonical_label(choice.label)
    if label:
        check_label(label)
    text = (judgement.input if choice.text is None else choice.text).strip()
    columns = version.suggestion["columns"]
    answer = {label_column(version) or "label": label or None}
    if kind == TEXT:
        if not text:
            raise Problem(_("A row needs a text."), code="bad_row", hint=_("Write one, or leave the judgement out."))
        return {columns["text"]: personal_data.masked(text), **answer}
    return {**cells_of(text), **answer}


def cells_of(text: str) -> dict[str, Any]:
    """The cells of an input of a table, which is kept as JSON."""
    try:
        cells = json.loads(text)
    except (ValueError, RecursionError):
        cells = None
    if not isinstance(cells, dict):
        raise Problem(_("This judgement is not about a row of a table."), code="bad_row", hint=_("Leave it out."))
    return {
        name: personal_data.masked(value) if isinstance(value, str) else value
        for name, value in cells.items()
        if not isinstance(value, (dict, list))
    }
