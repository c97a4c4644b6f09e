"""How objects look in JSON: times RFC 3339 UTC, money decimal strings."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from webapp.costs.gate import Month, month
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.endpoints import addresses
from webapp.endpoints.admission import opening
from webapp.endpoints.examples import Sight
from webapp.endpoints.models import Endpoint, Feedback, ShareLink
from webapp.endpoints.models import Status as EndpointStatus
from webapp.prototypes.models import Prototype
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


def version_shape(version: DatasetVersion) -> dict[str, Any]:
    return {
        "number": version.number,
        "status": version.status,
        "rows": version.rows,
        "sha256": version.sha256 or None,
        "note": version.note,
        "created_at": moment(version.created_at),
    }


def dataset_row(dataset: Dataset) -> dict[str, Any]:
    """One line of a list: needs `shown_versions`, newest first, prefetched."""
    newest: DatasetVersion | None = next(iter(vars(dataset)["shown_versions"]), None)
    return {
        "id": dataset.pk,
        "name": dataset.name,
        "status": newest.status if newest else "processing",
        "rows": newest.rows if newest else 0,
        "created_at": moment(dataset.created_at),
    }


def dataset_shape(dataset: Dataset) -> dict[str, Any]:
    versions = list(dataset.versions.order_by("-number"))
    newest = versions[0] if versions else None
    ready = next((version for version in versions if version.status == "ready"), None)
    current = ready or newest
    roles = current.roles if current else {}
    return {
        "id": dataset.pk,
        "name": dataset.name,
        "status": newest.status if newest and (newest.status == "processing" or not ready) else "ready",
        "progress": newest.progress if newest else 0,
        "rows": current.rows if current else 0,
        "columns": [column | {"role": roles.get(column["name"])} for column in current.columns] if current else [],
        "labels": current.labels if current else [],
        "split": current.split if current else {},
        "problems": current.problems if current else [],
        "reading": current.readings if current else [],
        "left_out": current.left_out if current else [],
        "suggestion": current.suggestion if current else {},
        "trainable": bool(current and current.trainable),
        "sha256": (current.sha256 or None) if current else None,
        "version": current.number if current else None,
        "versions": [version_shape(version) for version in versions],
        "error": newest.error if newest and newest.status == "failed" else None,
        "created_at": moment(dataset.created_at),
    }


def prototype_row(prototype: Prototype) -> dict[str, Any]:
    return {
        "id": prototype.pk,
        "name": prototype.name,
        "summary": prototype.summary,
        "task": prototype.task or None,
        "dataset": prototype.dataset_id,
    }


def run_row(run: Run) -> dict[str, Any]:
    return {
        "id": run.pk,
        "name": str(run),
        "number": run.number,
        "prototype": run.prototype_id,
        "status": run.status,
        "stage": run.stage or None,
        "progress": round(run.progress, 4),
        "task": run.task,
        "model": run.model,
        "method": run.method,
        "hardware": run.hardware,
        "device": run.device or None,
        "headline": run.headline,
        "has_leak": run.has_leak,
        "cost": money(run.cost),
        "currency": run.currency,
        "seconds": round(run.seconds, 1),
        "created_at": moment(run.created_at),
        "search": run.search_id,
        "trial": run.trial,
        "validation": run.validation,
    }


def search_row(search: Search) -> dict[str, Any]:
    """One line of a list: needs its trials prefetched."""
    trials = sorted(search.trials.all(), key=lambda run: run.trial or 0)
    best = best_of(trials)
    return {
        "id": search.pk,
        "number": search.number,
        "prototype": search.prototype_id,
        "status": search.status,
        "task": search.task,
        "model": search.model,
        "method": search.method,
        "hardware": search.hardware,
        "trials": len(trials),
        "most_trials": search.most_trials,
        "best": best.pk if best else None,
        "winner": search.winner_id,
        "cost": money(sum((run.cost for run in trials), start=Decimal(0))),
        "seconds": round(spent(trials, "seconds"), 1),
        "created_at": moment(search.created_at),
    }


def search_shape(search: Search) -> dict[str, Any]:
    trials = search.trials.order_by("trial")
    return search_row(search) | {
        "dataset": search.version.dataset_id,
        "version": search.version.number,
        "params": search.params,
        "space": search.space,
        "limits": search.limits,
        "at_once": search.at_once,
        "seed": search.seed,
        "importance": search.importance,
        "stopped": search.stopped,
        "error": {name: search.error.get(name, "") for name in ("code", "message", "hint")} if search.error else None,
        "runs": [
            {
                "run": run.pk,
                "trial": run.trial,
                "status": run.status,
                "params": {name: run.params.get(name) for name in search.space},
                "validation": run.validation,
                "cost": money(run.cost),
                "seconds": round(run.seconds, 1),
            }
            for run in trials
        ],
        "finished_at": moment(search.finished_at),
    }


def run_shape(run: Run) -> dict[str, Any]:
    return run_row(run) | {
        "dataset": run.version.dataset_id,
        "version": run.version.number,
        "columns": run.columns,
        "params": run.params,
        "limits": run.limits,
        "seed": run.seed,
        "eta_seconds": run.eta_seconds,
        "place": place_of(run) or None if run.status == Status.QUEUED else None,
        "metrics": run.metrics,
        "baselines": run.baselines,
        "verdict": run.verdict,
        "against_best_run": run.against_best_run,
        "attempts": run.attempts,
        "stopped_early": run.stopped_early,
        "error": {name: run.error.get(name, "") for name in ("code", "message", "hint")} if run.error else None,
        "artifact": f"{settings.PUBLIC_URL}/api/v1/runs/{run.pk}/artifact" if run.has_model else None,
        "model_removed_at": moment(run.model_removed_at),
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
    }


def endpoint_shape(endpoint: Endpoint, key: str | None = None, money: Month | None = None) -> dict[str, Any]:
    """`money`: this month's of its workspace, where many are shown."""
    version = endpoint.current
    paused = endpoint.status == EndpointStatus.LIVE and (money or month(endpoint.workspace)).is_spent
    shape = {
        "id": endpoint.pk,
        "slug": endpoint.slug,
        "name": endpoint.name,
        "status": endpoint.status,
        "blocked": "budget" if paused else None,
        "visibility": endpoint.visibility,
        "prototype": endpoint.prototype_id,
        "run": version.run_id if version else None,
        "version": version.number if version else None,
        "engine": version.engine if version else None,
        "agreement": version.export.get("agreement") if version else None,
        "export": version.export if version else None,
        "demo_url": addresses.demo_url(endpoint),
        "opens": opening(endpoint).address is not None,
        "predict_url": addresses.predict_url(endpoint),
        "error": endpoint.error,
        "created_at": moment(endpoint.created_at),
        "examples": [
            {"run": example.run_id, "row": example.number} if example.run_id else {"input": example.typed}
            for example in endpoint.examples.all()
        ],
    }
    return shape | ({"key": key} if key else {})


def example_shape(sight: Sight, number: int) -> dict[str, Any]:
    example = sight.examples[number]
    label = example.get("label") if isinstance(example, dict) else None
    shape = {"number": number, "input": input_of(example), "label": label}
    return shape | {"hidden": sorted(sight.hidden), "refusal": sight.refusal(number) or None}


def link_shape(link: ShareLink) -> dict[str, Any]:
    return {
        "id": link.pk,
        "name": link.name,
        "url": settings.PUBLIC_URL + addresses.demo_path(link.endpoint, link),
        "opens": link.opens,
        "visits": link.visits,
        "tries": link.tries,
        "expires_at": moment(link.expires_at),
        "revoked_at": moment(link.revoked_at),
    }


def feedback_shape(feedback: Feedback) -> dict[str, Any]:
    return {
        "id": feedback.pk,
        "input": feedback.input,
        "output": feedback.output,
        "verdict": feedback.verdict,
        "should_have_been": feedback.should_have_been or None,
        "link": feedback.link_id,
        "created_at": moment(feedback.created_at),
    }
