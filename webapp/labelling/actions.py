"""Verbs of labelling: decide, undo, and make a version of what was decided."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer import tasks
from webapp.accounts.models import User
from webapp.core.problems import Conflict, Problem
from webapp.datasets.actions import lock_dataset
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.datasets.quota import lock_quota
from webapp.datasets.rows import connect
from webapp.datasets.versions import derive
from webapp.labelling import guiding
from webapp.labelling.carrying import carry
from webapp.labelling.doubts import labels_of_rows
from webapp.labelling.kinds import Entry as Entry
from webapp.labelling.kinds import as_cells, kind_of, labelled_rows, suggested_cells
from webapp.labelling.kinds import labels_of as labels_of
from webapp.labelling.models import Decision, Guide, Source
from webapp.labelling.progress import stop_sentence, thin_of, thin_words
from webapp.labelling.queue import (
    answer_column,
    check_can_be_labelled,
    check_in_bulk,
    in_pool,
    is_scored,
    is_unlabelled,
    label_column,
    labelling_of,
    pool_size,
    starts_of,
)

ENOUGH = 20
"""Rows of a label from which a first model can be tried."""
ENOUGH_ROWS = 50
"""Rows from which a first model can be tried where answers are not made of labels."""
MOST_DECISIONS = 1_000
"""In one request."""
SAID = 200
"""Characters of an answer in a sentence."""


@dataclass(frozen=True)
class Progress:
    """`labelled`: rows with a label, those of the file included; `pool`: rows that are still without; `pending`: decisions that
    are in no version yet; `waiting`: those on rows of earlier versions that this one lacks, or asks something else of."""

    labelled: int
    pool: int
    pending: int
    waiting: int = 0


def version_there(dataset: Dataset) -> DatasetVersion:
    """The newest that can be used; `Problem` where there is none yet."""
    if dataset.current is None:
        raise Conflict(
            _("This dataset has not been imported yet."), code="not_ready", hint=_("Wait until it is ready.")
        )
    return dataset.current


def current_version(dataset: Dataset) -> DatasetVersion:
    """The version whose rows are labelled, with what is pending carried to it; `Problem` where none can be."""
    version = version_there(dataset)
    check_can_be_labelled(version)
    carry(version)
    guiding.ask(version)
    return version


def version_in_bulk(dataset: Dataset) -> DatasetVersion:
    """The same where rows get one or several labels out of a few; `Problem` for other answers."""
    version = current_version(dataset)
    check_in_bulk(version)
    return version


def guide_of(version: DatasetVersion) -> Guide:
    """What was worked out last; empty where nothing was yet, or for answers that nothing suggests."""
    if not is_scored(version) and guiding.model_of(version) is None:
        return Guide(dataset=version.dataset, due=False)
    return Guide.objects.filter(dataset=version.dataset_id).first() or Guide(dataset=version.dataset, due=False)


def progress(version: DatasetVersion) -> Progress:
    pending = Decision.objects.pending(version)
    labels = pending.new().filter(value__isnull=False).count()
    left_out = pending.filter(left_out=True).count()
    pool = max(pool_size(version) - labels - left_out, 0)
    waiting = Decision.objects.waiting(version).count()
    return Progress(labelled_rows(version) + labels, pool, pending.settled().count(), waiting)


def decide(version: DatasetVersion, user: User, entries: list[Entry]) -> list[dict[str, Any]]:
    """Save decisions, one by one. Those that come too late, because somebody else has decided, are not saved: what is wrong with
    each ({row, code, message, hint}). `Conflict` where that is all of them, `Problem` for what nobody could have meant."""
    check_entries(version, entries)
    entries = from_suggestions(version, as_cells(version, entries))
    free = in_pool(version, [entry.row for entry in entries])
    labels = labels_now(version, entries)
    is_open = [
        entry.row in free if entry.before is None else labels.get(entry.row) == entry.before for entry in entries
    ]
    saved = save_fresh(version, user, [entry for entry, opened in zip(entries, is_open, strict=True) if opened])
    refusals: list[tuple[int, Problem]] = []
    for entry, opened in zip(entries, is_open, strict=True):
        if opened and entry.row in saved:
            continue
        problem = save(version, user, entry) if opened else labelled_already(entry.row)
        refusals += [(entry.row, problem)] if problem else []
    if refusals and len(refusals) == len(entries):
        raise refusals[0][1]
    return [{"row": row, **problem.as_dict()} for row, problem in refusals]


def from_suggestions(version: DatasetVersion, entries: list[Entry]) -> list[Entry]:
    """Answers that a finished model suggested, and that were accepted as they are, come from it: they are never tested on."""
    given = [entry.row for entry in entries if entry.value is not None and entry.source == Source.PERSON]
    suggested = suggested_cells(version, given)
    return [
        replace(entry, source=Source.SUGGESTION)
        if entry.value is not None and entry.value == suggested.get(entry.row)
        else entry
        for entry in entries
    ]


def labels_now(version: DatasetVersion, entries: list[Entry]) -> dict[int, str]:
    """{row: the label that it has}, of the rows that are looked at again."""
    rows = [entry.row for entry in entries if entry.before is not None]
    if not rows:
        return {}
    with connect() as cursor:
        return labels_of_rows(cursor, version, rows)


def check_entries(version: DatasetVersion, entries: list[Entry]) -> None:
    if not entries:
        raise Problem(_("No labels were sent."), code="no_labels", hint=_("Send at least one row with its label."))
    if len(entries) > MOST_DECISIONS:
        raise Problem(
            _("At most %(limit)d labels are taken at once.") % {"limit": MOST_DECISIONS},
            code="too_many_labels",
            hint=_("Send them in several requests."),
        )
    for entry in entries:
        if not 1 <= entry.row <= version.rows:
            raise Problem(
                _("There is no row %(row)s.") % {"row": str(entry.row)[:20]},
                code="no_row",
                hint=_("They are counted from 1 to %(rows)d.") % {"rows": version.rows},
            )
        if entry.left_out and entry.before is not None:
            raise Problem(
                _("A row that has a label is excluded on the data page."),
                code="bad_label",
                hint=_("Keep its label, change it, or skip the row."),
            )


def fields_of(user: User, entry: Entry) -> dict[str, Any]:
    """Of a decision."""
    return {
        "value": entry.value,
        "left_out": entry.left_out,
        "source": entry.source,
        "before": entry.before,
        "person": user,
        "decided_at": timezone.now(),
    }


def save_fresh(version: DatasetVersion, user: User, entries: list[Entry]) -> set[int]:
    """Save those on rows that nobody has decided on, all by one query; which rows they are. None where somebody was quicker with one of
    them: then each is for `save`."""
    if len(entries) < 2:
        return set()
    named = Counter(entry.row for entry in entries)
    taken = set(Decision.objects.filter(version=version, row__in=named).values_list("row", flat=True))
    fresh = [entry for entry in entries if entry.row not in taken and named[entry.row] == 1]
    given = {"workspace": version.workspace, "version": version}
    try:
        with transaction.atomic():
            Decision.objects.bulk_create(Decision(**given, row=entry.row, **fields_of(user, entry)) for entry in fresh)
    except IntegrityError:
        return set()
    return {entry.row for entry in fresh}


def save(version: DatasetVersion, user: User, entry: Entry) -> Problem | None:
    """None once it is saved. One's own decision, and anybody's to skip the row, may be replaced."""
    fields = fields_of(user, entry)
    try:
        with transaction.atomic():
            before = Decision.objects.select_for_update().filter(version=version, row=entry.row).first()
            if before is None:
                Decision.objects.create(workspace=version.workspace, version=version, row=entry.row, **fields)
                return None
            if before.made is not None and before.made.status != Status.FAILED:
                return labelled_already(entry.row)
            if before.person_id != user.pk and not before.is_skipped:
                return decided_by(before)
            Decision.objects.filter(pk=before.pk).update(**fields, made=None)
            return None
    except IntegrityError:  # at the same moment
        return decided_by(Decision.objects.get(version=version, row=entry.row))


def labelled_already(row: int) -> Problem:
    return Conflict(
        _("Row %(row)d has a label already, or is not used.") % {"row": row},
        code="not_in_pool",
        hint=_("Existing labels are changed on the data page."),
    )


def decided_by(decision: Decision) -> Problem:
    person = decision.person
    name = (person.name or person.email) if person else _("Somebody")
    labelling = labelling_of(decision.version)
    label = labelling.label_text(decision.value) if labelling is not None and decision.value is not None else None
    return Conflict(
        _("%(name)s has decided on row %(row)d meanwhile: %(label)s.")
        % {"name": name, "row": decision.row, "label": Truncator(label or _("left out")).chars(SAID)},
        code="decided_meanwhile",
        hint=_("Their decision stays. Go on with the next row."),
    )


def undo(version: DatasetVersion, user: User, rows: Collection[int] = ()) -> Decision:
    """Take back the last decision of this person that is in no version yet, of `rows` all."""
    own = Decision.objects.pending(version).filter(person=user)
    own = own.filter(row__in=rows) if rows else own
    last: Decision | None = own.order_by("-decided_at", "-pk").first()
    if last is None:
        raise Conflict(
            _("There is nothing to undo."),
            code="nothing_to_undo",
            hint=_("What is in a version already is undone by restoring the version before it."),
        )
    (own if rows else own.filter(pk=last.pk)).delete()
    return last


def done(version: DatasetVersion, user: User | None) -> DatasetVersion:
    """The next version, with everybody's decisions; the same version where there are none."""
    with transaction.atomic():
        lock_quota(version.workspace)  # in the order of whoever else makes a version
        dataset = lock_dataset(version.dataset_id)
        latest = dataset.latest
        if latest is None or latest.status == Status.PROCESSING or dataset.current != version:
            raise Conflict(
                _("Another version is being made."),
                code="not_ready",
                hint=_("Your labels are saved. Press “Done” again once it is ready."),
            )
        decisions = list(Decision.objects.pending(version).settled().order_by("row"))
        if not decisions:
            return version
        note = note_of(decisions)
        suggestion = {key: version.suggestion.get(key) for key in ("task", "columns")}
        made = derive(
            version, user, note, changes={"labels": [as_change(decision) for decision in decisions]}, **suggestion
        )
        Decision.objects.filter(pk__in=[decision.pk for decision in decisions]).update(made=made)
        Decision.objects.pending(version).skipped().delete()  # to be asked about again
    return made


def note_of(decisions: list[Decision]) -> str:
    """“40 rows labelled, 3 labels changed, 5 labels kept”."""
    looked_at = [decision for decision in decisions if decision.before is not None]
    unchanged = sum(decision.value == decision.before for decision in looked_at)
    labelled, changed = len(decisions) - len(looked_at), len(looked_at) - unchanged
    parts = [
        ngettext("%(n)d row labelled", "%(n)d rows labelled", labelled) % {"n": labelled} if labelled else "",
        ngettext("%(n)d label changed", "%(n)d labels changed", changed) % {"n": changed} if changed else "",
        ngettext("%(n)d label kept", "%(n)d labels kept", unchanged) % {"n": unchanged} if unchanged else "",
    ]
    return ", ".join(part for part in parts if part)


def can_begin(version: DatasetVersion) -> bool:
    """Whether another column for labels may be added: none is there, or nobody has said anything in it."""
    is_free = is_unlabelled(version) and not Decision.objects.pending(version).settled().exists()
    return is_free or label_column(version) is None


def begin(version: DatasetVersion, user: User, task: str = "") -> DatasetVersion:
    """The next version, with an empty column for labels and the task that answers with it; the first that there is unless said. The
    same version where its rows wait for such labels already."""
    starts = starts_of(version)
    task = task or next(iter(starts), "")
    if task in starts and task == version.suggestion.get("task") and answer_column(version) is not None:
        return version
    if task not in starts or not can_begin(version):
        raise Problem(
            _("There is nothing to label from the start here."),
            code="no_labelling",
            hint=_("Choose a classification task on the data page."),
        )
    shape = tasks.shapes()[task]
    names = [column["name"] for column in version.columns]
    empty = [column["name"] for column in version.columns if column["kind"] == "empty"]
    candidates = chain([shape.answer], (f"{shape.answer}_{n}" for n in count(2)))
    name = next(name for name in candidates if name in empty or name not in names)
    columns = {shape.reads[0]: starts[task], shape.answer: name}
    return derive(version, user, _("Column for labels added"), changes={"add": [name]}, task=task, columns=columns)


def as_change(decision: Decision) -> dict[str, Any]:
    """As the trainer takes it. The person is a number: once the account is gone, it stands for nobody."""
    return {
        "row": decision.row,
        "value": decision.value,
        "left_out": decision.left_out,
        "kept": decision.before is not None and decision.value == decision.before,
        "source": decision.source,
        "person": str(decision.person_id or ""),
        "at": decision.decided_at.isoformat(),
    }


def delete_decisions(versions: list[DatasetVersion]) -> None:
    """Decisions on versions that were deleted for good."""
    Decision.objects.filter(version__in=versions).delete()
    for version in versions:
        guiding.delete_suggestions(version)


def advice(version: DatasetVersion, now: Progress) -> str:
    """The next step, in a sentence."""
    if not now.pool:
        return _("Every row has a label. Press “Done”, then train.") if now.pending else _("Every row has a label.")
    if sentence := stop_sentence(guide_of(version)):
        return _("%(sentence)s Press “Done” and train.") % {"sentence": sentence}
    if not kind_of(version).is_chosen:
        return advice_by_rows(now)
    counts = labels_of(version)
    if kind_of(version).is_suggested and len(counts) < 2:
        return _("Use at least two different labels, then train a first model.")
    if thin := thin_of(counts, ENOUGH):
        return _("At least %(n)d rows of each label are needed for a first model: %(labels)s.") % {
            "n": ENOUGH,
            "labels": thin_words(thin),
        }
    return _("This is enough for a first model: press “Done” and train, then label what it gets wrong.")


def advice_by_rows(now: Progress) -> str:
    """Of answers that are not made of labels."""
    more = ENOUGH_ROWS - now.labelled
    if more > 0:
        return ngettext(
            "At least %(n)d rows with an answer are needed for a first model: %(more)d more.",
            "At least %(n)d rows with an answer are needed for a first model: %(more)d more.",
            more,
        ) % {"n": ENOUGH_ROWS, "more": more}
    return _("This is enough for a first model: press “Done” and train.")
