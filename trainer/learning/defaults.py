"""What a specification leaves out: the task from the data, the model and the method from the task."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from trainer import tasks
from trainer.errors import DataError, SpecError
from trainer.messages import _
from trainer.spec import Spec
from trainer.suggestion import possible

if TYPE_CHECKING:
    from trainer.data.dataset import Dataset


def complete(spec: Spec, folder: Path) -> "tuple[Spec, Dataset | None]":
    """(the specification with every choice made, the rows where they had to be read for it).

    `folder`: where a plain file's pictures or sounds are put, and where the choice is kept, so that a run that goes on
    later makes the same one. `UserError` when no task suits the data.
    """
    choices = folder / "choices.json"
    if not spec.task and choices.exists():
        spec = spec.model_copy(update=json.loads(choices.read_text("utf-8")))
    content = None
    if not spec.task:
        task, content = guess_task(spec, folder / "media")
        folder.mkdir(parents=True, exist_ok=True)
        choices.write_text(json.dumps({"task": task}), "utf-8")
        spec = spec.model_copy(update={"task": task})
    chosen = tasks.get(spec.task)
    model = spec.model or chosen.default_model(spec.method)
    return spec.model_copy(update={"model": model, "method": spec.method or chosen.default_method(model)}), content


def guess_task(spec: Spec, media: Path) -> "tuple[str, Dataset | None]":
    """(the task that these rows suit best and that can be trained, the rows)."""
    path = Path(spec.dataset.path)
    content = None
    if path.is_dir():
        from trainer.data.loading import read_profile

        profile = read_profile(path)
        task, columns = profile["suggestion"]["task"], profile["columns"]
    else:
        from trainer.data.loading import read_plain

        content = read_plain(path, spec.dataset, None, media)
        task, columns = content.task, content.profile
    if not task:
        raise DataError(
            _("No column looks like an answer to predict."),
            code="no_task",
            hint=_("Name the task, and in dataset.columns the column of each role."),
        )
    trainable = {each.slug for each in tasks.all()}
    if task not in trainable:
        fitting = [slug for slug in possible(columns) if slug in trainable]
        raise SpecError(
            _("These rows are for %(task)s, which cannot be trained yet.", task=task),
            code="task_not_trainable",
            hint=_("Name another task that fits them: %(names)s.", names=", ".join(fitting))
            if fitting
            else _("No task that can be trained fits these columns: send other rows."),
        )
    return task, content
