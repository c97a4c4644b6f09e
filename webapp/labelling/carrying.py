"""Decisions on rows of a version that is no longer the newest go on to the same rows of the one that is."""

from django.db import IntegrityError, transaction

from webapp.datasets.models import DatasetVersion, Status
from webapp.datasets.rows import connect, file_of, names_of, rows_sql
from webapp.labelling.doubts import labels_of_rows
from webapp.labelling.models import Decision, DecisionQuerySet
from webapp.labelling.queue import answer_column, in_pool, is_answered_alike


def carry(version: DatasetVersion) -> None:
    """What is pending on earlier versions of the dataset goes on, where this one still has the row, asks the same of it and has no label
    for it. The rest stays where it is: should its row or its column come back (an older version restored), so does the decision."""
    if answer_column(version) is None:
        return
    earlier = version.dataset.versions.filter(number__lt=version.number, status=Status.READY)
    for before in earlier.order_by("number").exclude(pk=version.pk):
        pending = list(Decision.objects.pending(before).exclude(not_in=version.pk))
        if pending:
            carry_from(before, version, pending)


def carry_from(before: DatasetVersion, version: DatasetVersion, pending: list[Decision]) -> None:
    """Somebody else's decision on the same row that is already there stays."""
    is_alike = is_answered_alike(before, version)
    new_rows = same_rows(before, version, [decision.row for decision in pending]) if is_alike else {}
    free = in_pool(version, list(new_rows.values())) if new_rows else set()
    with connect() as cursor:
        labels = labels_of_rows(cursor, version, list(new_rows.values()))
    taken = set(Decision.objects.filter(version=version).values_list("row", flat=True))
    for decision in pending:
        row = new_rows.get(decision.row)
        unmoved = Decision.objects.filter(pk=decision.pk, version=before)
        is_open = row in free if decision.before is None else row is not None and labels.get(row) == decision.before
        if row is None or not is_open or row in taken or not move(unmoved, version, row):
            unmoved.update(not_in=version.pk)


def move(unmoved: DecisionQuerySet, version: DatasetVersion, row: int) -> bool:
    """False where somebody has decided on the row at this moment. What another request has moved already stays so."""
    try:
        with transaction.atomic():
            unmoved.update(version=version, row=row, made=None)
    except IntegrityError:
        return False
    return True


def same_rows(before: DatasetVersion, version: DatasetVersion, rows: list[int]) -> dict[int, int]:
    """{row before: row now}, from 1, by the content of all columns that both have, but the labels; the first of several equal
    rows is the first again. Nothing where a file is gone."""
    answers = {answer_column(before), answer_column(version)}
    shared = [name for name in names_of(before) if name in names_of(version) and name not in answers]
    files = [file_of(before, "data"), file_of(version, "data")]
    if not shared or not all(side.folder.is_dir() for side in (before, version)):
        return {}
    sources = [ranked_sql(names_of(side), shared) for side in (before, version)]
    query = (
        f"SELECT a.n + 1, b.n + 1 FROM ({sources[0]}) AS a JOIN ({sources[1]}) AS b USING (content, rank) "  # noqa: S608
        "WHERE a.n + 1 IN (SELECT unnest(?::BIGINT[]))"
    )
    with connect() as cursor:
        return dict(cursor.execute(query, [*files, rows]).fetchall())


def ranked_sql(names: list[str], shared: list[str]) -> str:
    """SQL over `n`, a hash of the shared cells, and which of the rows with this content it is."""
    cells = ", ".join(f"coalesce(c{names.index(name)}, '')" for name in shared)
    content = f"md5(concat_ws(chr(31), {cells}))"
    return (
        f"SELECT n, {content} AS content, row_number() OVER (PARTITION BY {content} ORDER BY n) AS rank "  # noqa: S608
        f"FROM {rows_sql(names)}"
    )
