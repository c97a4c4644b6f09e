"""`{% load tasks %}`: titles of tasks and roles."""

from django import template

from webapp.catalog import words

register = template.Library()
register.filter("role_title", words.role_title)
register.filter("task_title", words.task_title)
