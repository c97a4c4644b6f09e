"""A judge grades a sample of a run's answers: foreseen, asked for, done by a worker, cancelled and gone on with.

The command (`trainer judge-sample`) sees the questions and nothing else of the workspace, reaches the judge and nothing else, and
writes down each question before it is sent, so that none is paid for twice, whoever dies meanwhile.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trainer.errors import UserError
from trainer.judging.journal import Journal, key_of
from trainer.judging.questions import MOST_PAIRS, Prices, check_thumbs, foreseen, pairs_of, questions_of
from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.core.confinement import Access
from webapp.core.files import check_disk
from webapp.core.formats import exact, money, with_sign
from webapp.core.locks import only_one
from webapp.core.problems import Conflict, Problem
from webapp.core.sentences import problem_of_error
from webapp.core.work import Later, Work
from webapp.runs import artifacts, judge_access, thumbs
from webapp.runs.examining import found_in
from webapp.runs.judge_models import JOURNAL, JudgeAccess, Judging, journal_folder
from webapp.runs.models import Run

AGAIN_SECONDS = 5


class Plan(NamedTuple):
    """What a grading would send and cost."""

    thumbs: int
    pairs: int
    questions: int
    """That were not asked before."""
    price: Decimal
    """At most."""
    host: str


def latest(run: Run) -> Judging | None:
    return Judging.objects.filter(run=run).order_by("-created_at", "-pk").first()


def plan(run: Run, access: JudgeAccess, report: dict[str, Any], most_pairs: int = MOST_PAIRS) -> Plan:
    rated, pairs = thumbs.asked(run, thumbs.written(run, report)), pairs_of(report, most_pairs)
    journal = Journal(journal_folder(run) / JOURNAL)
    every = dict.fromkeys(questions_of(rated, pairs))
    left = [text for text in every if not journal.is_known(key_of(access.url, access.model, text))]
    price = Decimal(str(round(foreseen(left, prices_of(access)), 7)))
    return Plan(len(rated), len(pairs), len(left), price, judge_access.host_of(access.url))


def prices_of(access: JudgeAccess | Judging) -> Prices:
    return Prices(float(access.price_read), float(access.price_written), float(access.cap))


def begin(
    run: Run, user: User, *, cap: Decimal | None = None, pairs: int = MOST_PAIRS, consents: bool = False
) -> Judging:
    """`Problem` without consent, below thirty thumbs, above the cap; `Conflict` without a judge or while one is at work."""
    access, report = judge_access.needed(run.workspace), artifacts.report(run)
    check_answers(run, report)
    planned = plan(run, access, report, pairs)
    cap = access.cap if cap is None else cap
    check_cap(cap, access, planned, run.currency)
    if not consents:
        raise Problem(
            _("%(count)d questions with prompts and answers of this run would be sent to %(host)s.")
            % {"count": planned.questions, "host": planned.host},
            code="consent_needed",
            hint=_("Confirm that they may be sent there."),
            field="consent",
        )
    fields = {name: getattr(access, name) for name in ("url", "model", "price_read", "price_written")}
    try:
        with transaction.atomic():
            made: Judging = Judging.objects.create(
                workspace_id=run.workspace_id,
                run=run,
                created_by=user,
                cap=cap,
                foreseen=planned.price,
                pairs=planned.pairs,
                total=planned.thumbs + 2 * planned.pairs,
                **fields,
            )
            audit(run.workspace, user, "started", "judging", made.pk, f"{run}, {planned.host}")
    except IntegrityError as error:
        raise Conflict(
            _("A judge is grading this run already."), code="at_work", hint=_("Cancel it, or wait until it has ended.")
        ) from error
    made.send()
    return made


def check_answers(run: Run, report: dict[str, Any]) -> None:
    if not thumbs.can_be_judged(run, report):
        raise Conflict(
            _("%(run)s has no written answers to grade.") % {"run": run},
            code="no_answers",
            hint=_("A judge grades runs of models that write texts."),
        )
    given = thumbs.given(run, thumbs.written(run, report))
    try:
        check_thumbs(given.ups, given.downs)
    except UserError as error:
        raise problem_of_error(error.as_dict()) from error


def check_cap(cap: Decimal, access: JudgeAccess, planned: Plan, currency: str) -> None:
    if not judge_access.LEAST_CAP <= cap <= access.cap:
        raise Problem(
            _("One grading may cost at most %(cap)s.") % {"cap": with_sign(exact(access.cap), currency)},
            code="bad_cap",
            hint=_("Choose a lower cap. An admin sets the highest one under Settings, Judge model."),
            field="cap",
        )
    if planned.price > cap:
        raise Problem(
            _("Grading would cost up to %(price)s, and the cap is %(cap)s.")
            % {"price": money(planned.price, currency), "cap": with_sign(exact(cap), currency)},
            code="judge_too_dear",
            hint=_("Raise the cap, or have fewer pairs graded."),
            field="cap",
        )


def cancel(run: Run, user: User) -> Judging:
    """What was graded until now is kept."""
    row = existing(run)
    if row.cancel():
        audit(run.workspace, user, "cancelled", "judging", row.pk, str(run))
    return row


def resume(run: Run, user: User) -> Judging:
    """Go on where it stood, under the same cap."""
    row = existing(run)
    judge_access.needed(run.workspace)
    if row.resume():
        audit(run.workspace, user, "resumed", "judging", row.pk, str(run))
        row.send()
    return row


def existing(run: Run) -> Judging:
    row = latest(run)
    if row is None:
        raise Problem(
            _("No judge has graded this run yet."), code="not_judged", hint=_("Start a grading first."), status=404
        )
    return row


class Grading(Work[Judging]):
    """One at a time on a machine, so that a slow judge holds up no more than other gradings."""

    model = Judging
    RELATED = ("workspace", "run__version__dataset")
    SECONDS = 1_200
    LIMITS = {"CPU": 300}
    NEWS_SECONDS = 1.0
    DIED = {
        "code": "judging_died",
        "message": gettext_lazy("Grading took too long, or was stopped too often."),
        "hint": gettext_lazy("Continue it: what was graded is kept and not paid for again."),
    }

    @classmethod
    def log_of(cls, row: Judging) -> Path:
        return row.run.folder / "judge.log"

    @classmethod
    @contextmanager
    def devices(cls, row: Judging) -> Iterator[None]:
        with only_one(settings.MAQUETTE_DATA / "locks" / "judge.lock") as alone:
            if not alone:
                raise Later(AGAIN_SECONDS)
            yield

    def do(self) -> None:
        check_disk()
        row = self.row
        access = judge_access.needed(row.workspace)
        if (access.url, access.model) != (row.url, row.model):
            raise Conflict(
                _("The workspace has another judge by now."), code="no_judge", hint=_("Start a new grading.")
            )
        ports = (judge_access.port_of(row.url),) if judge_access.is_allowed(row.url) else ()
        with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
            path = Path(folder) / "asked.json"
            path.touch(0o600)
            path.write_text(json.dumps(self.request(access)), "utf-8")
            result = self.command(
                ["judge-sample", str(path), f"--journal={row.folder / JOURNAL}"],
                Access(readable=(path,), writable=(row.folder,), web=True, ports=ports),
            )
        self.finish(result=found_in(result))

    def request(self, access: JudgeAccess) -> dict[str, Any]:
        """For `judge-sample`; it holds the key."""
        row, report = self.row, artifacts.report(self.row.run)
        return {
            "url": row.url,
            "model": row.model,
            "key": judge_access.key_of(access),
            "allowed": list(settings.JUDGE_HOSTS),
            "prices": prices_of(row)._asdict(),
            "of": row.pk,
            "thumbs": thumbs.asked(row.run, thumbs.written(row.run, report)),
            "pairs": pairs_of(report, row.pairs),
        }

    def take(self, event: dict[str, Any]) -> None:
        super().take(event)
        if event["type"] == "progress":
            self.pending |= {"done": event["done"], "total": event["total"], "spent": Decimal(str(event["spent"]))}

    def close(self) -> None:
        """What was spent is told, however the attempt ended and whoever has the row now."""
        spent = Journal(self.row.folder / JOURNAL).spent(self.row.pk)
        Judging.objects.filter(pk=self.row.pk).update(spent=Decimal(str(round(spent, 7))))
