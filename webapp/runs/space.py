"""What a run takes of the disk: how much it is expected to, whether there is room for that, and how much it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer import tasks
from webapp.accounts.models import Workspace
from webapp.catalog.local import folders as local_folders
from webapp.core.files import check_disk, files_below
from webapp.datasets.models import DatasetVersion
from webapp.datasets.quota import check_quota
from webapp.runs import access, base_models
from webapp.runs.fitting import LEARN_ALL, net_size
from webapp.runs.models import Run, Status

MIB = 2**20
PAST_RUNS = 5
BYTES_A_WEIGHT = 9
"""In an artifact: 4 as safetensors, 4 and 1 in the two precisions of ONNX."""
CHECKPOINT_BYTES_A_WEIGHT = 16
"""The weights, the best so far, and two moments of the optimizer."""
CHECKPOINTS = 3
"""Two are kept while the next is written."""
RESULTS_BYTES, ROW_BYTES = 8 * MIB, 1024
"""Report, examples, log and card; and a row of the predictions."""
UNKNOWN_WEIGHTS = 100_000_000
"""Of a base model that nobody knows the size of."""


@dataclass(frozen=True)
class Space:
    """`kept`: bytes of a run that has ended; `working`: of its checkpoints meanwhile."""

    kept: int
    working: int


def expected(version: DatasetVersion, fields: Mapping[str, Any]) -> Space:
    """By what such runs of this workspace took, else by the size of the model."""
    weights = weights_of(version, fields)
    stored = BYTES_A_WEIGHT * weights + RESULTS_BYTES + ROW_BYTES * version.test_rows
    same = {name: fields[name] for name in ("task", "model", "method")}
    past = Run.objects.for_workspace(version.workspace).filter(status=Status.SUCCEEDED, bytes__isnull=False, **same)
    alike = past.with_model().filter(params=fields["params"])
    sizes = [size for size in alike.values_list("bytes", flat=True)[:PAST_RUNS] if size is not None]
    learns_all = fields["method"] in LEARN_ALL
    working = CHECKPOINTS * CHECKPOINT_BYTES_A_WEIGHT * weights if learns_all else BYTES_A_WEIGHT * weights
    return Space(max(sizes, default=stored), working)


def weights_of(version: DatasetVersion, fields: Mapping[str, Any]) -> int:
    """How many numbers the model holds: of a small net as it is described, of a base model by its card or its files."""
    ref, slug = fields["model"], fields["task"]
    if tasks.get(slug).modality == "table":
        return 0
    if ref.startswith(base_models.SCRATCH):
        return net_size(version, fields)[0]
    cards = tasks.get(slug).declaration()["models"]
    declared = next((card.get("parameters") for card in cards if card["ref"] == ref), None)
    return int(declared or weight_bytes(ref, version.workspace) // 4 or UNKNOWN_WEIGHTS)


def weight_bytes(ref: str, workspace: Workspace) -> int:
    """Bytes of the weights that a reference names, where they are on this machine."""
    kind, _colon, name = ref.partition(":")
    folders: list[Path] = []
    if kind == "local":
        folders = [folder for folder in local_folders() if folder.name == name]
    elif kind == "artifact":
        folders = [run.artifact / "model" for run in Run.objects.for_workspace(workspace).filter(pk=name)]
    elif kind == "hub":
        folders = sorted((access.folder_of(ref) or Path()).glob("snapshots/*"))[-1:]
    files = (
        facts.st_size for folder in folders for path, facts in files_below(folder) if path.suffix == ".safetensors"
    )
    return sum(files)


def check_space(workspace: Workspace, space: Space) -> None:
    """`Problem` where neither the quota nor the disk has room for a run. Under `lock_quota`."""
    check_disk(space.kept + space.working)
    check_quota(workspace, space.kept + space.working)
