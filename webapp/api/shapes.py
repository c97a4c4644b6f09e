"""How objects look in JSON: times RFC 3339 UTC, money decimal strings."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from webapp.costs.gate import Month, month
from webapp.costs.models import CURRENCY
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.endpoints import addresses
from webapp.endpoints.admission import opening
from webapp.endpoints.examples import Sight
from webapp.endpoints.models import Endpoint, Feedback, ShareLink
from webapp.endpoints.models import Status as EndpointStatus
from webapp.prototypes.models import Prototype
from webapp.runs import licences
from webapp.runs.inputs import input_of
from webapp.runs.models import Run, Search, Status
from webapp.runs.searches import best_of, spent
from webapp.runs.turns import place_of


def moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if value else None


def money(value: Decimal | int) -> str:
    """Plain decimal notation with at least cents and at most six places."""
    text = f"{Decimal(value).quantize(Decimal('0.000001')):f}".rstrip("0")
    whole, _dot, places = text.partition(".")
    return f"{whole}.{places.ljust(2, '0')}"


def fields_of(row: object, *names: str) -> dict[str, Any]:
    """{name: that attribute of a row}, times as text."""
    values = {name: getattr(row, name) for name in names}
    return {name: moment(value) if isinstance(value, datetime) else value for name, value in values.items()}


def fault(error: dict[str, Any] | None) -> dict[str, str] | None:
    return {name: error.get(name, "") for name in ("code", "message", "hint")} if error else None


def version_shape(version: DatasetVersion) -> dict[str, Any]:
    return fields_of(version, "number", "status", "rows", "note", "created_at") | {"sha256": version.sha256 or None}


def dataset_row(dataset: Dataset) -> dict[str, Any]:
    """One line of a list: needs `shown_versions`, newest first, prefetched."""
    newest: DatasetVersion = next(iter(vars(dataset)["shown_versions"]), DatasetVersion())
    return fields_of(dataset, "id", "name", "created_at") | fields_of(newest, "status", "rows")


def dataset_shape(dataset: Dataset) -> dict[str, Any]:
    versions = list(dataset.versions.order_by("-number"))
    newest = next(iter(versions), DatasetVersion())
    ready = next((version for version in versions if version.status == "ready"), None)
    current = ready or newest
    same = ("rows", "labels", "split", "problems", "left_out", "suggestion", "trainable")
    roles = current.roles
    return {
        **fields_of(dataset, "id", "name", "created_at"),
        **fields_of(current, *same),
        "status": newest.status if newest.status == "processing" or not ready else "ready",
        "progress": newest.progress,
        "columns": [column | {"role": roles.get(column["name"])} for column in current.columns],
        "reading": current.readings,
        "sha256": current.sha256 or None,
        "version": current.number,
        "versions": [version_shape(version) for version in versions],
        "error": newest.error if newest.status == "failed" else None,
    }


def prototype_row(prototype: Prototype) -> dict[str, Any]:
    return fields_of(prototype, "id", "name", "summary") | {
        "task": prototype.task or None,
        "dataset": prototype.dataset_id,
    }


RECIPE = ("id", "number", "status", "task", "model", "method", "hardware", "created_at")


def run_row(run: Run) -> dict[str, Any]:
    return fields_of(run, *RECIPE, "headline", "has_leak", "currency", "trial", "validation") | {
        "name": str(run),
        "prototype": run.prototype_id,
        "stage": run.stage or None,
        "progress": round(run.progress, 4),
        "device": run.device or None,
        "cost": money(run.cost),
        "seconds": round(run.seconds, 1),
        "search": run.search_id,
    }


def search_row(search: Search) -> dict[str, Any]:
    """One line of a list: needs its trials prefetched."""
    trials = sorted(search.trials.all(), key=lambda run: run.trial or 0)
    best = best_of(trials)
    return fields_of(search, *RECIPE, "most_trials") | {
        "prototype": search.prototype_id,
        "trials": len(trials),
        "best": best.pk if best else None,
        "winner": search.winner_id,
        "cost": money(sum((run.cost for run in trials), start=Decimal(0))),
        "currency": trials[0].currency if trials else CURRENCY,
        "seconds": round(spent(trials, "seconds"), 1),
    }


def trial_shape(run: Run, space: Iterable[str]) -> dict[str, Any]:
    return fields_of(run, "trial", "status", "validation", "currency") | {
        "run": run.pk,
        "params": {name: run.params.get(name) for name in space},
        "cost": money(run.cost),
        "seconds": round(run.seconds, 1),
    }


def search_shape(search: Search) -> dict[str, Any]:
    same = ("params", "space", "limits", "at_once", "seed", "importance", "stopped", "finished_at")
    return {
        **search_row(search),
        **fields_of(search, *same),
        "dataset": search.version.dataset_id,
        "version": search.version.number,
        "error": fault(search.error),
        "runs": [trial_shape(run, search.space) for run in search.trials.order_by("trial")],
    }


def run_shape(run: Run) -> dict[str, Any]:
    same = ("columns", "params", "limits", "seed", "eta_seconds", "metrics", "baselines", "verdict", "against_best_run")
    ends = ("attempts", "stopped_early", "model_removed_at", "started_at", "finished_at")
    return {
        **run_row(run),
        **fields_of(run, *same, *ends),
        "dataset": run.version.dataset_id,
        "version": run.version.number,
        "place": place_of(run) or None if run.status == Status.QUEUED else None,
        "error": fault(run.error),
        "artifact": f"{settings.PUBLIC_URL}/api/v1/runs/{run.pk}/artifact" if run.has_model else None,
    }


def endpoint_shape(endpoint: Endpoint, key: str | None = None, money: Month | None = None) -> dict[str, Any]:
    """`money`: this month's of its workspace, where many are shown."""
    version = endpoint.current
    paused = endpoint.status == EndpointStatus.LIVE and (money or month(endpoint.workspace)).is_spent
    shape = fields_of(
        endpoint, "id", "slug", "name", "status", "visibility", "error", "system_prompt", "created_at"
    ) | {
        "blocked": "budget" if paused else None,
        "prototype": endpoint.prototype_id,
        "run": version.run_id if version else None,
        "version": version.number if version else None,
        "engine": version.engine if version else None,
        "agreement": version.export.get("agreement") if version else None,
        "export": version.export if version else None,
        "demo_url": addresses.demo_url(endpoint),
        "opens": opening(endpoint).address is not None,
        "predict_url": addresses.predict_url(endpoint),
        "examples": [
            {"run": example.run_id, "row": example.number} if example.run_id else {"input": example.typed}
            for example in endpoint.examples.all()
        ],
        "licence_notes": licences.of_run(version.run) if version else [],
        "texts": version is not None and endpoint.texts_of_id == version.run_id,
    }
    return shape | ({"key": key} if key else {})


def example_shape(sight: Sight, number: int) -> dict[str, Any]:
    example = sight.examples[number]
    label = example.get("label") if isinstance(example, dict) else None
    shape = {"number": number, "input": input_of(example), "label": label}
    return shape | {"hidden": sorted(sight.hidden), "refusal": sight.refusal(number) or None}


def link_shape(link: ShareLink) -> dict[str, Any]:
    url = settings.PUBLIC_URL + addresses.demo_path(link.endpoint, link)
    return fields_of(link, "id", "name", "opens", "visits", "tries", "expires_at", "revoked_at") | {"url": url}


def feedback_shape(feedback: Feedback) -> dict[str, Any]:
    return fields_of(feedback, "id", "input", "output", "verdict", "created_at") | {
        "should_have_been": feedback.should_have_been or None,
        "link": feedback.link_id,
        "settled_at": moment(feedback.settled_at) if feedback.settled_at else None,
    }
