"""What a run got wrong, as doubts about labels: a mistake that a model is sure of is often one of the data."""

from webapp.core.formats import number
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import connect
from webapp.labelling.carrying import same_rows
from webapp.labelling.doubts import Doubt, labels_of_rows
from webapp.labelling.queue import labelling_of
from webapp.runs import artifacts
from webapp.runs.models import Run


def doubted_by(version: DatasetVersion, about: str) -> list[Doubt]:
    """The mistakes of the run of this id on test rows that the version still has, the surest first."""
    runs = Run.objects.for_workspace(version.workspace).filter(version__dataset=version.dataset_id)
    run = runs.select_related("version").filter(pk=about).first()
    mistakes = mistakes_of(run) if run else []
    if run is None or run.version_id == version.pk or not mistakes:
        return mistakes
    rows = same_rows(run.version, version, [mistake.row for mistake in mistakes])
    return [Doubt(rows[mistake.row], mistake.other, mistake.score) for mistake in mistakes if mistake.row in rows]


def mistakes_of(run: Run) -> list[Doubt]:
    labelling = labelling_of(run.version)
    mistakes = [
        mistake
        for mistake in artifacts.report(run).get("mistakes") or []
        if isinstance(mistake, dict) and number(mistake.get("row"))
    ]
    if labelling is None or not mistakes:
        return []
    rows = [int(mistake["row"]) for mistake in mistakes]
    with connect() as cursor:
        cells = labels_of_rows(cursor, run.version, rows)
    predicted = [labelling.mistaken(mistake, cells.get(row, "")) for row, mistake in zip(rows, mistakes, strict=True)]
    return [
        Doubt(row, cell, number(mistake.get("score")))
        for row, cell, mistake in zip(rows, predicted, mistakes, strict=True)
        if cell
    ]
