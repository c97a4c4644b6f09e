"""A number."""

from django.utils.translation import gettext as _

from webapp.answers.base import Correction, Output, Presentation, Report, Scored
from webapp.core.formats import figure


class Number(Presentation):
    key = "number"

    @property
    def hint(self) -> str:
        return _("Shows a range that held for 9 of 10 test rows.")

    def said(self, output: Output) -> str:
        return figure(output["value"])

    def correction(self, output: Output) -> Correction:
        return Correction(inputmode="decimal")

    def sentence(self, scored: Scored, report: Report) -> str:
        """By how much it is off, in the column's own unit."""
        error = report.get("metrics", {}).get("mae")
        if error is None:
            return super().sentence(scored, report)
        values = {"column": scored.column, "miss": figure(error), "where": scored.where}
        if scored.column:
            return _("%(column)s off by %(miss)s on average on %(where)s") % values
        return _("Off by %(miss)s on average on %(where)s") % values


PRESENTATION = Number()
