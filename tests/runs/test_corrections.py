"""What past runs really took corrects an estimate: whole runs by the same model and method alone."""

import pytest

from tests import things
from webapp.accounts.models import Workspace
from webapp.prototypes.models import Prototype
from webapp.runs import base_models, estimates
from webapp.runs.models import Estimate, Run


def past(prototype: Prototype, number: int, model: str, seconds: float, **fields: object) -> Run:
    estimate = {"seconds": {"low": 50.0, "likely": 100.0, "high": 200.0}}
    return things.run(prototype, number, model=model, seconds=seconds, estimate=estimate, attempts=1, **fields)


def of(prototype: Prototype, model: str) -> Estimate:
    made = {
        "workspace": prototype.workspace,
        "version": prototype.dataset.current,
        "hardware": "cpu",
        "key": model[:64],
    }
    return Estimate.objects.create(spec={"model": model, "method": "full"}, **made)


def test_a_run_that_was_ended_early_corrects_nothing(workspace: Workspace) -> None:
    prototype = things.prototype(workspace)
    whole = past(prototype, 1, "local:tiny", 150.0)
    past(prototype, 2, "local:tiny", 5.0, stop_requested_at=whole.created_at)
    factor, count = estimates.correction(of(prototype, "local:tiny"))
    assert (factor, count) == (pytest.approx(1.5), 1)


def test_runs_that_went_on_from_an_own_model_correct_its_estimates(workspace: Workspace) -> None:
    """An estimate keeps the folder of that model, a run its reference."""
    prototype = things.prototype(workspace)
    own = things.run(prototype)
    own.artifact.mkdir(parents=True)
    (own.artifact / "model").mkdir()
    (own.artifact / "model" / "head.safetensors").write_bytes(b"x")
    ref = f"artifact:{own.pk}"
    past(prototype, 2, ref, 150.0)
    resolved = base_models.resolved(ref, own.task, workspace)
    assert base_models.unresolved(resolved) == ref
    assert base_models.unresolved("local:tiny") == "local:tiny"
    assert estimates.correction(of(prototype, resolved)) == (pytest.approx(1.5), 1)
