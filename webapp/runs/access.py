"""What a command over a specification may see: its rows and its base models. What of those is on the hub is fetched first, by a
command that has a network and sees nobody's data; the one that sees the data has none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webapp.catalog import hub
from webapp.core.confinement import Access, hub_cache
from webapp.runs.base_models import ARTIFACT, HUB

FROM_HUB = Access(hub=True)
"""Of the command that fetches a base model."""


def references(spec: Mapping[str, Any]) -> list[str]:
    """The base models that a specification names."""
    params = spec.get("params") or {}
    named = (spec.get("model"), params.get("initial_weights"), params.get("text_model"))
    return list(dict.fromkeys(ref for ref in named if isinstance(ref, str) and ":" in ref))


def access_of(
    spec: Mapping[str, Any], *writable: Path, limits: dict[str, int] | None = None, devices: int = 1
) -> Access:
    """Its rows, the runs that it begins with and its models of the hub, of each no more than is its own. Processes on several
    devices talk to each other."""
    dataset = spec["dataset"]
    rows = [Path(dataset[name]) for name in ("path", "test_path") if dataset.get(name)]
    models = [folder for ref in references(spec) if (folder := folder_of(ref))]
    return Access(readable=(*rows, *models), writable=writable, loopback=devices > 1, limits=limits or {})


def folder_of(ref: str) -> Path | None:
    """Where a run's artifact, or what was fetched of a repository of the hub, lies; other models are everybody's."""
    if ref.startswith(ARTIFACT):
        return Path(ref.removeprefix(ARTIFACT))
    if ref.startswith(HUB):
        repo = ref.removeprefix(HUB).partition("@")[0]
        return hub_cache() / f"models--{repo.replace('/', '--')}"
    return None


def to_fetch(spec: Mapping[str, Any]) -> list[str]:
    """Its models of the hub, for `fetching`; none while this machine is offline."""
    return [] if hub.is_offline() else [ref for ref in references(spec) if ref.startswith(HUB)]


def fetching(ref: str, *options: str) -> list[str]:
    """The trainer's command for it."""
    return ["fetch-model", ref, *options]
