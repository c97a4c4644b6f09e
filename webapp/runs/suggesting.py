"""The run whose model suggests answers while rows are labelled."""

from webapp.datasets.models import DatasetVersion
from webapp.labelling.guiding import Model
from webapp.labelling.queue import answer_column
from webapp.runs import storage
from webapp.runs.models import Run


def model_of(version: DatasetVersion) -> Model | None:
    """That of the best run on this dataset that answers with the same column; None where there is none."""
    runs = Run.objects.filter(version__dataset=version.dataset_id).with_model()
    fitting = runs.filter(task=version.suggestion.get("task"), answer=answer_column(version) or "")
    run = fitting.select_related("prototype").best_first().first()
    return Model(run.pk, str(run), lambda: storage.local_model(run)) if run is not None else None
