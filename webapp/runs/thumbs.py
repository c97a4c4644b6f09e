"""Thumbs of people for answers to test prompts, given on the run's page without saying which model wrote what."""

import hashlib
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from trainer.judging.questions import LEAST_OF_EACH, LEAST_THUMBS, LONGEST, Thumb, thumb
from trainer.report_text import prompt_of
from webapp import answers as presentations
from webapp.accounts.models import User
from webapp.core.problems import Problem
from webapp.runs.judge_models import AnswerThumb, Side
from webapp.runs.models import Run

Report = dict[str, Any]


class Written(NamedTuple):
    """An answer that can be rated."""

    row: int
    side: str
    prompt: str
    answer: str


class Given(NamedTuple):
    """How many thumbs there are: up, down, of so many answers."""

    ups: int
    downs: int
    answers: int

    @property
    def rated(self) -> int:
        return self.ups + self.downs

    @property
    def are_enough(self) -> bool:
        return self.rated >= LEAST_THUMBS and min(self.ups, self.downs) >= LEAST_OF_EACH


def can_be_judged(run: Run, report: Report) -> bool:
    """Whether it is of a model that writes, with answers kept."""
    return presentations.of_task(run.task).writes_texts and bool(report.get("mistakes"))


def written(run: Run, report: Report) -> list[Written]:
    """Every answer in the report, mixed as by chance but always in the same way, so that nobody knows whose is next."""
    thumbs = [
        Written(int(each["row"]), side, prompt_of(each)[:LONGEST], str(each[side])[:LONGEST])
        for each in report.get("mistakes", [])
        for side in Side.values
        if each.get(side) is not None
    ]
    return sorted(thumbs, key=lambda each: hashlib.sha256(f"{run.pk} {each.row} {each.side}".encode()).digest())


def known(run: Run) -> dict[tuple[int, str], bool]:
    """{(row, side): up}."""
    rows = AnswerThumb.objects.filter(run=run).values_list("row", "side", "is_up")
    return {(row, side): is_up for row, side, is_up in rows}


def given(run: Run, answers: list[Written]) -> Given:
    verdicts = known(run)
    counted = [verdicts[each.row, each.side] for each in answers if (each.row, each.side) in verdicts]
    return Given(sum(counted), len(counted) - sum(counted), len(answers))


def next_one(run: Run, answers: list[Written], skipped: int = 0) -> Written | None:
    """The first without a thumb, after so many that were put off."""
    verdicts = known(run)
    left = [each for each in answers if (each.row, each.side) not in verdicts]
    return left[skipped % len(left)] if left else None


def rate(run: Run, user: User, answers: list[Written], row: int, side: str, is_up: bool | None) -> None:
    """None takes a thumb back. `Problem` for an answer that is not in the report."""
    if not any((each.row, each.side) == (row, side) for each in answers):
        raise Problem(
            _("There is no such answer in the report of this run."),
            code="bad_thumb",
            hint=_("GET …/thumbs lists the answers."),
        )
    where: dict[str, Any] = {"run": run, "row": row, "side": side}
    if is_up is None:
        AnswerThumb.objects.filter(**where).delete()
        return
    fields = {"is_up": is_up, "created_by": user, "workspace_id": run.workspace_id}
    AnswerThumb.objects.update_or_create(**where, defaults=fields)


def take_back(run: Run, user: User) -> None:
    """The last one of this person."""
    last = AnswerThumb.objects.filter(run=run, created_by=user).order_by("-created_at", "-pk").first()
    if last is not None:
        last.delete()


def asked(run: Run, answers: list[Written]) -> list[Thumb]:
    """What a judge is measured by."""
    verdicts = known(run)
    return [
        thumb(each.prompt, each.answer, verdicts[each.row, each.side])
        for each in answers
        if (each.row, each.side) in verdicts
    ]
