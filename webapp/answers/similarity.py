"""How alike two texts are, or which texts answer a query."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.answers.base import Output, Presentation, Report, Scored, Size
from webapp.core.formats import count, figure
from webapp.core.scores import metric_title, scored

KEPT_MATCHES = 5
KEPT_CHARACTERS = 300


class Similarity(Presentation):
    key = "similarity"
    says_itself = True
    quotes_data = True

    @property
    def hint(self) -> str:
        return _("Searches your texts by what they mean.")

    @property
    def answer_title(self) -> str:
        return _("Best matches")

    @property
    def mistakes_title(self) -> str:
        return _("Largest errors")

    def answer_text(self, output: Output) -> str:
        if "matches" in output:
            shown = {"n": count(len(output["matches"]))}
            return ngettext("%(n)s text", "%(n)s texts", len(output["matches"])) % shown
        if "score" in output:
            return figure(output["score"])
        return ngettext("%(n)s number", "%(n)s numbers", len(output["embedding"])) % {"n": len(output["embedding"])}

    def shortened(self, output: Output) -> Output:
        """The first few matches, each with its beginning."""
        matches = output.get("matches")
        if matches is None:
            return {name: value for name, value in output.items() if name != "embedding"} or output
        return {"matches": [match | {"text": match["text"][:KEPT_CHARACTERS]} for match in matches[:KEPT_MATCHES]]}

    def without_data(self, output: Output) -> Output:
        """How well the best texts fit, and not which."""
        matches = output.get("matches")
        return output if matches is None else {"matches": [{"score": match["score"], "text": ""} for match in matches]}

    def sentence(self, scored: Scored, report: Report) -> str:
        if report.get("form") != "search":
            return super().sentence(scored, report)
        recall = (report.get("metrics") or {}).get("recall_10")
        if recall is None:
            return super().sentence(scored, report)
        queries = ngettext("%(n)s held-out query", "%(n)s held-out queries", scored.rows) % {"n": count(scored.rows)}
        return _("Finds %(share)s of the right texts among the first ten, on %(queries)s") % {
            "share": shown_score(recall, "recall_10"),
            "queries": queries,
        }

    def context(self, report: Report) -> dict[str, Any]:
        """intervals [{title, value, low, high}] of every metric; ranks [{title, queries}] of a search."""
        metrics, intervals = report.get("metrics") or {}, report.get("intervals") or {}
        return {
            "intervals": [
                {
                    "title": metric_title(name),
                    "value": shown_score(metrics[name], name),
                    "low": shown_score(low, name),
                    "high": shown_score(high, name),
                }
                for name, (low, high) in intervals.items()
                if name in metrics
            ],
            "ranks": [{"title": rank_words(group), "queries": group["queries"]} for group in report.get("ranks") or []],
        }

    def mistake(self, mistake: dict[str, Any], picture_size: Callable[[], Size | None]) -> dict[str, Any]:
        return {"is_search": "found" in mistake}


def shown_score(value: float, metric: str) -> str:
    return scored(value, metric)


def rank_words(group: dict[str, Any]) -> str:
    low, high = group["low"], group["high"]
    if low == high:
        return _("First") if low == 1 else _("Rank %(rank)s") % {"rank": low}
    return _("Rank %(low)s to %(high)s") % {"low": low, "high": high}


PRESENTATION = Similarity()
