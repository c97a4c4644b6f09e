"""The part of a run's page where a judge grades answers: people's thumbs first, then the price, then the grades."""

from collections.abc import Mapping
from decimal import ROUND_UP, Decimal
from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trainer.judging.questions import LEAST_OF_EACH, LEAST_THUMBS
from webapp.core.formats import exact, figure, percent
from webapp.core.forms import shown_form
from webapp.core.numbers import whole
from webapp.costs.forms import in_currency
from webapp.runs import judge_access, judging, thumbs
from webapp.runs.models import JudgeAccess, Judging, Run

Result = Mapping[str, Any]
CENT = Decimal("0.01")


class JudgingForm(forms.Form):
    cap = forms.DecimalField(
        label=gettext_lazy("Cap"), max_digits=12, decimal_places=5, min_value=judge_access.LEAST_CAP
    )
    consent = forms.BooleanField(label=gettext_lazy("Send these prompts and answers there"), required=False)

    def __init__(self, *args: Any, currency: str, **options: Any) -> None:
        super().__init__(*args, **options)
        in_currency(self.fields["cap"], currency)


def shown(run: Run, report: dict[str, Any], request: HttpRequest) -> dict[str, Any] | None:
    """Context: state (none, open, done, failed, cancelled), row (the latest grading), access, given (thumbs), least and each (of
    them), next (an answer without a thumb), skip and next_skip, plan and form where one can be begun, words of the result; None for a run
    without written answers."""
    if not thumbs.can_be_judged(run, report):
        return None
    row, access, answers = judging.latest(run), judge_access.find(run.workspace), thumbs.written(run, report)
    given, skipped = thumbs.given(run, answers), max(whole(request.GET.get("skip", ""), 0), 0)
    shown: dict[str, Any] = {
        "state": row.status if row else "none",
        "row": row,
        "access": access,
        "host": judge_access.host_of(row.url) if row else "",
        "given": given,
        "least": LEAST_THUMBS,
        "each": LEAST_OF_EACH,
        "next": thumbs.next_one(run, answers, skipped),
        "skip": skipped,
        "next_skip": skipped + 1,
    }
    if row and row.result:
        shown["words"] = words(row)
    if access and given.are_enough and not (row and row.is_open):
        shown |= offer(run, access, report, request, is_done=bool(row and row.result))
    return shown


def offer(
    run: Run, access: JudgeAccess, report: dict[str, Any], request: HttpRequest, *, is_done: bool
) -> dict[str, Any]:
    """plan and form; nothing after a grading that left nothing to ask."""
    planned = judging.plan(run, access, report)
    if is_done and not planned.questions:
        return {}
    initial = {"cap": exact(cap_for(access, planned))}
    return {
        "plan": planned,
        "form": shown_form(
            request, reverse("judging", args=[run.pk]), JudgingForm, initial=initial, currency=run.currency
        ),
    }


def cap_for(access: JudgeAccess, planned: judging.Plan) -> Decimal:
    """What is offered: twice what is foreseen, in whole cents, within what an admin allows."""
    usual = max((2 * planned.price).quantize(CENT, ROUND_UP), CENT)
    return min(Decimal(access.cap), usual)


def words(row: Judging) -> dict[str, str]:
    """{agreement, trusted, pairs, verdict, unanswered} of a result, in sentences; empty ones where there is nothing to say."""
    result: Result = row.result or {}
    return {
        "agreement": agreement_words(result["agreement"]),
        "trusted": "" if result["trusted"] else _("That is not shown to be better than chance, so it graded nothing."),
        "pairs": pairs_words(result["pairs"]) if result["pairs"] else "",
        "verdict": verdict_words(result["pairs"]) if result["pairs"] else no_pairs(result),
        "unanswered": unanswered_words(result["unanswered"]),
    }


def agreement_words(agreement: Result) -> str:
    rows, share, kappa = agreement["rows"], agreement["share"], agreement["kappa"]
    return _(
        "It gave %(same)d of %(rows)d answers the thumb that people gave: %(share)s (%(level)s CI %(low)s to %(high)s). Beyond chance, Cohen’s kappa: %(kappa)s (%(first)s to %(last)s)."
    ) % {
        "same": round(share["value"] * rows),
        "rows": rows,
        "share": percent(share["value"], 0),
        "level": percent(0.95, 0),
        "low": percent(share["low"], 0),
        "high": percent(share["high"], 0),
        "kappa": figure(kappa["value"]),
        "first": figure(kappa["low"]),
        "last": figure(kappa["high"]),
    }


def pairs_words(pairs: Result) -> str:
    return _(
        "Of %(rows)d test prompts this model’s answer was better on %(won)d, the base model’s on %(lost)d; %(tied)d were even, or depended on which stood first."
    ) % {name: pairs[name] for name in ("rows", "won", "lost", "tied")}


def verdict_words(pairs: Result) -> str:
    share = pairs["share"]
    values = {"share": percent(share["value"], 0), "low": percent(share["low"], 0), "high": percent(share["high"], 0)}
    values["level"] = percent(0.95, 0)
    if share["low"] > 0.5:
        return _("Better than its base model: %(share)s of those decided (%(level)s CI %(low)s to %(high)s).") % values
    if share["high"] < 0.5:
        return _("Worse than its base model: %(share)s of those decided (%(level)s CI %(low)s to %(high)s).") % values
    return _("No difference shown: %(share)s of those decided (%(level)s CI %(low)s to %(high)s).") % values


def no_pairs(result: Result) -> str:
    """Why nothing was graded though the judge is trusted: the model learned from nothing, so that there is no base model."""
    return _("The report has no answers of a base model to compare with.") if result["trusted"] else ""


def unanswered_words(count: int) -> str:
    if not count:
        return ""
    return _("%(count)d replies were lost, and are left out; they are counted as paid.") % {"count": count}
