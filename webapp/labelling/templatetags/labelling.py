"""`{% load labelling %}`: where the picture or sound of a row is shown from, to people of the workspace and to guests."""

from django import template
from django.template.context import Context
from django.urls import reverse

from webapp.labelling.queue import Cell, Item

register = template.Library()


@register.simple_tag(takes_context=True)
def media_address(context: Context, item: Item, cell: Cell) -> str:
    """On a guest's page (`link`) never by the name of the file."""
    link = context.get("link")
    if link is not None:
        return reverse("guest_media", args=[link.token, item.row])
    return reverse("media", args=[context["prototype"].pk, cell.value])
