"""`{% load similarity %}`: how well pairs that are alike are told from others."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from webapp.core import charts

register = template.Library()


@register.simple_tag
def roc(curve: list[list[float]]) -> SafeString:
    """The share of alike pairs found over the share of others taken for alike, at every threshold; chance is the rising line."""
    points = charts.clean(curve)
    if not points:
        return mark_safe("")
    path = " ".join(f"{charts.format_coordinate(200 * x)},{charts.format_coordinate(200 - 200 * y)}" for x, y in points)
    drawn = format_html(
        '<svg class="scatter" viewBox="0 0 200 200" role="img" aria-label="{}"><line class="now" x1="0" y1="200" x2="200" y2="0"/>'
        '<polyline class="roc" points="{}"/></svg>',
        _("ROC curve: share of alike pairs found, over share of others taken for alike"),
        path,
    )
    return charts.frame("", [], ["100%", "", "0%"], drawn, ["0%", _("others taken for alike"), "100%"], "square")
