"""The models page: every model once, with the tasks that it can be trained for."""

from typing import Any

from django.utils.translation import gettext as _

from trainer import tasks
from webapp.catalog import hub
from webapp.catalog.local import all_local_models
from webapp.catalog.titles import task_title

SCRATCH = "scratch:"
GROUPS = ("text", "image", "audio", "table")


def listed(search: str = "") -> list[dict[str, Any]]:
    """[{title, models}] by kind of input, then those of MAQUETTE_MODELS_DIR; models are cards with `tasks` (titles) and `badge`.

    `search` keeps those whose name, description, reference or task holds every one of its words.
    """
    cards: dict[tuple[str, str], dict[str, Any]] = {}
    for task in tasks.all():
        declared = task.declaration()
        for card in declared["models"]:
            entry = cards.setdefault(
                (declared["modality"], card["ref"]), card | {"tasks": [], "badge": badge(card["ref"])}
            )
            entry["tasks"].append(task_title(task.slug))
    groups: list[dict[str, Any]] = [
        {"title": title_of(kind), "models": [model for (modality, _ref), model in cards.items() if modality == kind]}
        for kind in GROUPS
    ]
    own = [
        card | {"tasks": [task_title(slug) for slug in card["tasks"]], "badge": _("On this machine")}
        for card in all_local_models()
    ]
    groups.append({"title": _("Your models on this machine"), "models": own})
    terms = search.casefold().split()
    for group in groups:
        group["models"] = [model for model in group["models"] if all(word in text_of(model) for word in terms)]
    return [group for group in groups if group["models"]]


def title_of(kind: str) -> str:
    titles = {"text": _("Text"), "image": _("Images"), "audio": _("Audio"), "table": _("Tables")}
    return titles.get(kind, kind)


def text_of(card: dict[str, Any]) -> str:
    return " ".join([card["title"], card["summary"], card["ref"], *card["tasks"]]).casefold()


def badge(ref: str) -> str:
    if not ref.startswith(hub.HUB):
        return _("Included")
    return _("On this machine") if hub.is_downloaded(ref) else _("Not downloaded")
