"""The queue “unsure in use”: what visitors of a demo judged and its model was least sure of, to be labelled by a person.

Nothing is kept for it: visitors' inputs are there only where they rated an answer. They join the pool first, personal data masked,
and are asked about there.
"""

from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from trainer.columns import canonical_label
from webapp.accounts.models import User
from webapp.core.problems import Conflict, Problem
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.rows import connect, names_of, read
from webapp.endpoints import inbox
from webapp.endpoints.models import Endpoint, Feedback
from webapp.labelling.queue import Suggestion, inputs_of, pool_sql

SURE = 0.8
"""An answer as likely as that is sure, unless somebody rated it wrong."""
MOST = 200
"""Brought in at once; those that the model was least sure of."""
LOOKED_AT = 5_000
"""Rows at the end of the pool, among which they are found."""
CHARACTERS = 20_000
KEPT_SECONDS = 600


def judged(dataset: Dataset) -> QuerySet[Feedback]:
    """All that visitors of the demos on these rows judged."""
    return Feedback.objects.filter(endpoint__prototype__dataset=dataset)


def sureness(judgement: Feedback) -> float:
    """0 to 1: how likely the model called its answer; 1 where it does not say."""
    score = judgement.output.get("score") if isinstance(judgement.output, dict) else None
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
        return 1.0
    return float(score)


def is_unsure(judgement: Feedback) -> bool:
    return judgement.verdict == Feedback.DOWN or sureness(judgement) < SURE


def least_sure_first(judgements: Iterable[Feedback]) -> list[Feedback]:
    return sorted(filter(is_unsure, judgements), key=sureness)


def waiting(dataset: Dataset) -> list[Feedback]:
    """Those that nobody has decided on, and that are in no version."""
    return least_sure_first(judged(dataset).filter(settled_at=None)[:LOOKED_AT])


def bring_in(endpoint: Endpoint, user: User) -> DatasetVersion:
    """The next version, in whose pool they are."""
    judgements = [
        judgement for judgement in waiting(endpoint.prototype.dataset) if judgement.endpoint_id == endpoint.pk
    ][:MOST]
    choices = [inbox.Choice(judgement.pk) for judgement in judgements if may_be_row(endpoint, judgement)]
    if not choices:
        raise Conflict(
            _("Visitors judged nothing that the model was unsure of."), code="none_chosen", hint=_("Come back later.")
        )
    return inbox.add_to_data(endpoint, user, choices)


def may_be_row(endpoint: Endpoint, judgement: Feedback) -> bool:
    version = endpoint.prototype.dataset.current
    if version is None:
        return False
    try:
        inbox.row_of(version, inbox.readable(version), judgement, inbox.Choice(judgement.pk))
    except Problem as problem:
        if problem.code != "bad_row":
            raise
        return False
    return True


def rows(version: DatasetVersion) -> list[tuple[int, Suggestion | None]]:
    """Rows of the pool, from 1, that visitors judged, the least sure first; with what they said it should have been. They are the
    same as long as the version is the newest, and the page Label asks for them again and again."""
    name = f"unsure:{version.pk}"
    known = cache.get(name)
    if known is None:
        known = find_rows(version)
        cache.set(name, known, KEPT_SECONDS)
    return [(row, Suggestion(label, None) if label else None) for row, label in known]


def find_rows(version: DatasetVersion) -> list[tuple[int, str]]:
    """[(row from 1, what the visitor said it should have been)]."""
    brought = least_sure_first(
        judged(version.dataset).filter(version_made__isnull=False).order_by("-settled_at")[:MOST]
    )
    if not brought:
        return []
    by_key = {key_of(version, judgement): judgement for judgement in reversed(brought)}
    pairs = [(by_key[key], row) for row, key in keys_of_pool(version) if key in by_key]
    pairs.sort(key=lambda pair: (sureness(pair[0]), pair[1]))
    return [(row, canonical_label(judgement.should_have_been)) for judgement, row in pairs]


def key_of(version: DatasetVersion, judgement: Feedback) -> tuple[str, ...]:
    """By which a judgement is found among the rows: its cells as they were added."""
    try:
        row = inbox.row_of(version, inbox.readable(version), judgement, inbox.Choice(judgement.pk))
    except Problem:
        return ()
    return tuple(plain(row.get(name)) for _role, name in inputs_of(version))


def plain(cell: Any) -> str:
    """As another spelling of the same number or text has it."""
    text = "" if cell is None else str(cell).strip()
    try:
        return f"{float(text):g}"
    except ValueError:
        return " ".join(text.split())


def keys_of_pool(version: DatasetVersion) -> list[tuple[int, tuple[str, ...]]]:
    """(row from 1, key) of the end of the pool."""
    pool, values = pool_sql(version)
    names = names_of(version)
    places = [names.index(name) for _role, name in inputs_of(version)]
    with connect() as cursor:
        query = f"SELECT n FROM ({pool}) ORDER BY n DESC LIMIT ?"  # noqa: S608  our own SQL
        numbers = [row[0] for row in cursor.execute(query, [*values, LOOKED_AT]).fetchall()]
        records = read(cursor, version, names, numbers, CHARACTERS)
    return [(row["number"], tuple(plain(row["cells"][place]) for place in places)) for row in records]
