"""The licence of the model that a run began with, for the manifest and the model card."""

from collections.abc import Sequence
from pathlib import Path

from trainer import model_download, models
from trainer.errors import ModelError
from trainer.licences import OWN, licence_in, licence_of_artifact
from trainer.tasks.base import BaseModelCard


def licence_of(ref: str, cards: Sequence[BaseModelCard]) -> str:
    """That of a base model: as a task declares it, as the run that it came from was told, or as its own card says; OWN of a
    network that begins with random weights, empty where nobody says."""
    kind, _colon, name = ref.partition(":")
    if kind == "scratch":
        return OWN
    declared = next((card.licence for card in cards if card.ref == ref), None)
    if declared is not None:
        return declared
    if kind == "artifact":
        return licence_of_artifact(Path(name)) or ""
    try:
        if kind == "hub":
            repo, _at, revision = name.partition("@")
            return licence_in(model_download.find_cached(repo, revision or None))
        return licence_in(models.resolve(ref))
    except (ModelError, OSError, ValueError):
        return ""
