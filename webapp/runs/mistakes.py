"""What a run got wrong, as doubts about labels: a mistake that a model is sure of is often one of the data."""

from webapp.core.formats import number
from webapp.datasets.models import DatasetVersion
from webapp.labelling.carrying import same_rows
from webapp.labelling.doubts import Doubt
from webapp.runs import artifacts
from webapp.runs.models import Run


def doubted_by(version: DatasetVersion, about: str) -> list[Doubt]:
    """The mistakes of the run of this id on test rows that the version still has, the surest first."""
    runs = Run.objects.for_workspace(version.workspace).filter(version__dataset=version.dataset_id)
    run = runs.select_related("version").filter(pk=about).first()
    found = mistakes_of(run) if run else []
    if run is None or run.version_id == version.pk or not found:
        return found
    rows = same_rows(run.version, version, [one.row for one in found])
    return [Doubt(rows[one.row], one.other, one.score) for one in found if one.row in rows]


def mistakes_of(run: Run) -> list[Doubt]:
    return [
        Doubt(int(one["row"]), str(one["predicted"]), number(one.get("score")))
        for one in artifacts.report(run).get("mistakes") or []
        if isinstance(one, dict) and number(one.get("row")) and isinstance(one.get("predicted"), str)
    ]
