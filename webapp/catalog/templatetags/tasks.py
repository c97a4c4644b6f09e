"""`{% load tasks %}`: titles of tasks, roles and methods."""

from typing import Protocol

from django import template

from webapp.catalog import titles

register = template.Library()
register.filter("role_title", titles.role_title)
register.filter("task_title", titles.task_title)
register.filter("column_role_title", titles.column_role_title)
register.filter("without_references", titles.without_references)


class HasRecipe(Protocol):
    """A run, or what else names what is trained how."""

    task: str
    model: str
    method: str


@register.filter
def recipe(run: HasRecipe) -> str:
    return titles.recipe_title(run.task, run.model, run.method)


@register.filter
def method_title(slug: str, task: str) -> str:
    return titles.method_title(task, slug)


@register.filter
def method_summary(slug: str, task: str) -> str:
    return titles.method_summary(task, slug)
