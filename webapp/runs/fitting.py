"""Whether a run can fit into the memory of a machine that trains, by what its settings alone say: no later than that is it known
for how much the trainer would ask."""

import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from trainer import tasks
from trainer.errors import UserError
from trainer.machine import memory_bytes
from trainer.spec import Spec
from webapp.catalog import hardware
from webapp.catalog.local import local_models
from webapp.core.formats import short_count, size
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion
from webapp.runs.base_models import SCRATCH

BYTES_A_WEIGHT = 16
"""Weight, gradient and two moments of the optimizer, of four bytes each."""
BYTES_A_VALUE = 4
LEARN_ALL = ("full", "scratch", "auto")
"""Methods that change every weight."""


def check_memory(version: DatasetVersion, fields: Mapping[str, Any]) -> None:
    """Raises `Problem` where the weights, or what one step of the wanted batch size keeps, exceed every machine that trains."""
    weights, values = net_size(version, fields)
    needed = BYTES_A_WEIGHT * weights + BYTES_A_VALUE * values if weights else declared_bytes(fields)
    room = largest_memory(fields["hardware"])
    if needed <= room:
        return
    sizes = {"weights": short_count(weights), "needed": size(needed), "room": size(room)}
    raise Problem(
        _(
            "This net has %(weights)s weights: training it takes at least %(needed)s of memory, and there are %(room)s here."
        )
        % sizes
        if weights
        else _("Training this model takes about %(needed)s of memory, and there are %(room)s here.") % sizes,
        code="exceeds_memory",
        hint=_("Choose smaller layers, a lower resolution or a smaller batch size.")
        if weights
        else _("Choose a smaller model, or the method “probe”."),
        field="model",
    )


def net_size(version: DatasetVersion, fields: Mapping[str, Any]) -> tuple[int, int]:
    """(weights, values that one step keeps for going backwards) of a net that learns from nothing; zeros for other models. A
    batch size that was not set by hand is the trainer's to lower: one row counts."""
    if not fields["model"].startswith(SCRATCH):
        return 0, 0
    spec = {name: fields[name] for name in ("task", "model", "method", "params")}
    try:
        net = tasks.get(fields["task"]).describe(Spec.model_validate(spec | {"dataset": {"path": str(version.folder)}}))
    except UserError:
        return 0, 0  # the trainer says what is wrong with it
    row = sum(math.prod(layer["shape"]) for layer in net["layers"])
    return net["parameters"], row * (fields["params"].get("batch_size") or 1)


def declared_bytes(fields: Mapping[str, Any]) -> int:
    """What a base model's card says that training all of it takes; 0 where nobody knows."""
    if fields["method"] not in LEARN_ALL:
        return 0
    task = tasks.get(fields["task"]).declaration()
    suited, unknown = local_models(fields["task"], task["modality"])
    cards = (*task["models"], *suited, *unknown)
    return next((card.get("memory_bytes") or 0 for card in cards if card["ref"] == fields["model"]), 0)


def largest_memory(kind: str) -> int:
    """Bytes of the largest machine that trains, or of its largest GPU where one is wanted and there is one. Of this machine
    where no worker is heard of."""
    bytes_of: dict[str, list[int]] = {"cpu": [], "gpu": []}
    for device in hardware.devices():
        bytes_of[device["kind"]].append(device.get("memory_total_bytes") or 0)
    graphics = max(bytes_of["gpu"], default=0) if kind != "cpu" else 0
    return graphics or max(bytes_of["cpu"], default=0) or memory_bytes()
