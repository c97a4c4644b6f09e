"""Titles of tasks and of the roles of their columns, those included that cannot be trained yet."""

import re
from functools import cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from trainer import answers, roles, tasks
from trainer.columns import ColumnProfile
from trainer.suggestion import possible
from trainer.tasks.base import Method

REFERENCE = re.compile(r"\b(?:bundled|hub|local|scratch):([\w./@-]*\w)")


def trainable(slug: str | None) -> bool:
    return slug in {task.slug for task in tasks.all()}


def trainable_tasks(columns: list[ColumnProfile]) -> list[str]:
    """The slugs of the tasks that a file with these columns can be and that can be trained."""
    return [slug for slug in possible(columns) if trainable(slug)]


def reads_media(slug: str) -> bool:
    """Whether the task's inputs are pictures or sounds."""
    return trainable(slug) and any(role.kind in ("image", "audio") for role in tasks.get(slug).roles)


def reads_table(slug: str) -> bool:
    """Whether the task reads the columns of a table."""
    task = tasks.find(slug)
    return task is not None and task.modality == "table"


def widgets_of(slug: str) -> dict[str, Any]:
    """{widget_in, widget_out, inputs [{name, kind}]} of a task; of text where it is not known here."""
    if not trainable(slug):
        return {
            "widget_in": "text",
            "widget_out": answers.get("class").widget,
            "inputs": [{"name": "text", "kind": "text"}],
        }
    task = tasks.get(slug)
    inputs = [{"name": role.name, "kind": role.kind} for role in task.roles if role.name != task.answer_role]
    return {"widget_in": task.widget_in, "widget_out": answers.get(task.answer).widget, "inputs": inputs}


def headline_of(slug: str) -> str:
    """The metric that a run of this task is known by."""
    return tasks.get(slug).headline if trainable(slug) else "accuracy"


def input_words(kind: str) -> str:
    """What a field for an input of this kind is called."""
    return {
        "image": _("Picture"),
        "audio": _("Sound"),
        "query": _("Search"),
    }.get(kind, _("Text"))


def task_title(slug: str) -> str:
    task = tasks.find(slug)
    return _(task.title) if task else slug


@cache
def role_words() -> dict[str, str]:
    """{role: what it is called}, of all tasks."""
    return {role.name: role.title for task in tasks.declared() for role in task.roles}


def role_title(role: str) -> str:
    return _(role_words()[role]) if role in role_words() else role


def method_of(task: str, slug: str) -> Method | None:
    """A method by its slug: its task's, or another's of the same name."""
    methods = [method for declared in (tasks.find(task), *tasks.all()) if declared for method in declared.methods]
    return next((method for method in methods if method.slug == slug), None)


def method_title(task: str, slug: str) -> str:
    """A method's name; its slug where no task has it."""
    method = method_of(task, slug)
    return pgettext("training method", method.title) if method else slug


def method_summary(task: str, slug: str) -> str:
    """What a method does, with its standard term."""
    method = method_of(task, slug)
    return _(method.summary) if method else ""


def model_title(task: str, ref: str) -> str:
    """A base model's name: as its task declares it, else the last part of its reference."""
    declared = tasks.get(task).models if trainable(task) else ()
    declared_title = next((card.title for card in declared if card.ref == ref), None)
    return _(declared_title) if declared_title else ref.partition(":")[2].rpartition("/")[2] or ref


def without_references(text: object) -> str:
    """A message of the trainer as people read it: `bundled:all-MiniLM-L6-v2` becomes all-MiniLM-L6-v2."""
    return REFERENCE.sub(lambda match: match[1], str(text))


def recipe_title(task: str, model: str, method: str) -> str:
    """Model and method in a few words: “all-MiniLM-L6-v2, Standard”; the method alone where it chooses the model or is called
    like it."""
    title, base = method_title(task, method), model_title(task, model)
    return title if method == "auto" or model == "scratch:auto" or title == base else f"{base}, {title}"


def column_role_title(role: str) -> str:
    return _(roles.TITLES[role]) if role in roles.TITLES else role
