"""`{% load tasks %}`: titles of tasks and roles."""

from django import template

from webapp.catalog import words

register = template.Library()
register.filter("role_title", words.role_title)
register.filter("task_title", words.task_title)


@register.filter
def answers_class(slug: str) -> bool:
    """Whether the score of a task's runs is the share of right answers."""
    return words.headline_of(slug) == "accuracy"
