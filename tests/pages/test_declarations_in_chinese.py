"""What declarations say of themselves is translated: a title without a translation would be English on a Chinese page."""

from collections.abc import Callable, Iterator

from django.test import Client
from django.utils import translation

from tests import things
from trainer import tasks
from webapp.accounts.models import User, Workspace

NAMES = frozenset({"CutMix", "Dropout", "LightGBM", "Mixup", "RandAugment"})
"""Settings and models that are called so in Chinese too."""


def declared_words() -> Iterator[tuple[str, str]]:
    """(where, words) of every declaration."""
    for task in tasks.declared():
        yield task.slug, task.title
        yield task.slug, task.summary
        yield from ((f"{task.slug} {role.name}", role.title) for role in task.roles)
        for method in task.methods:
            yield from ((f"{task.slug} {method.slug}", text) for text in (method.title, method.summary))
        for model in task.models:
            yield f"{task.slug} {model.ref}", model.summary
            if model.ref.startswith("scratch:"):
                yield f"{task.slug} {model.ref}", model.title
    for task in tasks.all():
        for name, schema in task.params.model_json_schema()["properties"].items():
            yield from ((f"{task.slug} {name}", schema.get(part, "")) for part in ("title", "description"))


def test_every_word_of_a_declaration_has_its_chinese() -> None:
    with translation.override("zh-hans"):
        english = [
            (where, text)
            for where, text in declared_words()
            if text and text not in NAMES and not any("一" <= character <= "鿿" for character in in_chinese(text))
        ]
    assert not english


def in_chinese(text: str) -> str:
    contexts = ("training method", "task", "role")
    texts = (translation.gettext(text), *(translation.pgettext(context, text) for context in contexts))
    return next((one for one in texts if one != text), text)


def test_the_settings_of_a_task_are_shown_in_the_readers_language(
    user: User, workspace: Workspace, client_of: Callable[[User], Client]
) -> None:
    prototype = things.prototype(workspace)
    client = client_of(user)
    client.cookies["django_language"] = "zh-hans"
    page = client.get(f"/prototypes/{prototype.pk}/train").content.decode()
    assert "学习率" in page
    assert "Learning rate" not in page
