"""Guests label a share of the rows by a link, without an account: personal data is masked, and nothing else is shown. One row in ten
of theirs has a label by somebody else already, which they do not see: by these it is known how far people agree."""

import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from trainer import personal_data
from trainer.columns import canonical_label
from trainer.tagging.units import words_of
from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.answers.labelled import as_cell
from webapp.core.bare_media import NotBareError, bare, can_be_bare
from webapp.core.problems import Conflict, Problem
from webapp.datasets.media import media_file
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.rows import connect, names_of, read
from webapp.labelling import actions
from webapp.labelling.agreement import Agreement, agreement_of
from webapp.labelling.carrying import same_rows
from webapp.labelling.doubts import Doubt
from webapp.labelling.kinds import answers_like, kind_of, rows_of
from webapp.labelling.models import Decision, GuestLink, LabelNote, Opinion
from webapp.labelling.queue import CHARACTERS, Cell, Item, in_pool, inputs_of, is_answered_alike, item_of, items
from webapp.prototypes.models import Prototype

MOST_LINKS, MOST_DAYS = 50, 365
ONE_IN = 10
"""Of a guest's rows, one has a label by somebody else."""
TRIED, TURNS = 50, 20
"""Rows among which those of a share are looked for at once, and how often."""


def version_for_guests(dataset: Dataset) -> DatasetVersion:
    """The version whose rows they label; `Problem` where rows are not labelled here."""
    return actions.current_version(dataset)


def create(prototype: Prototype, user: User, name: str, days: int, share: int, *, unmasked: bool = False) -> GuestLink:
    """`Problem` where the rows cannot be shown to guests: pictures and sounds only where `unmasked` says that they may be seen and
    heard as they are."""
    version = version_for_guests(prototype.dataset)
    kinds = media_of(version)
    if kinds and not unmasked:
        raise unmasked_media(kinds)
    if not name.strip() or not 1 <= days <= MOST_DAYS or not 1 <= share <= 100:
        raise bad_link(_("A link needs a name, 1 to 365 days, and 1 to 100 per cent of the rows."))
    if GuestLink.objects.filter(prototype=prototype, revoked_at=None).count() >= MOST_LINKS:
        raise bad_link(_("At most %(limit)d links are open at once.") % {"limit": MOST_LINKS})
    made = GuestLink.objects.create(
        workspace=prototype.workspace,
        prototype=prototype,
        name=name.strip()[:80],
        token=secrets.token_urlsafe(24),
        share=share,
        pictures=bool(kinds),
        expires_at=timezone.now() + timedelta(days=days),
    )
    audit(prototype.workspace, user, "created", "link", made.pk, f"{prototype.name}: {made.name}")
    return made


def unmasked_media(kinds: set[str]) -> Problem:
    if "audio" in kinds:
        message, hint = (
            _("Personal data in sounds is not masked: voices, names."),
            _("Confirm that guests may hear them as they are, then try again."),
        )
    else:
        message = _("Personal data in pictures is not masked: faces, number plates, names.")
        hint = _("Say that guests may see them as they are, then try again.")
    return Problem(message, code="bad_guest_link", hint=hint, field="unmasked")


def media_of(version: DatasetVersion) -> set[str]:
    """image and audio, whichever a person must see or hear to decide."""
    kinds = {column["name"]: column["kind"] for column in version.columns}
    return {kinds.get(column, "") for _role, column in inputs_of(version)} & {"image", "audio"}


def bad_link(message: str) -> Problem:
    return Problem(message, code="bad_guest_link", hint=_("Change it, then try again."), field="name")


def labelled_by(link: GuestLink) -> int:
    """Rows, second opinions too."""
    return int(link.decisions.count() + link.opinions.count())


def revoke(link: GuestLink, user: User) -> None:
    GuestLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now())
    audit(link.workspace, user, "revoked", "link", link.pk, link.name)


def check_works(link: GuestLink | None) -> GuestLink:
    if link is None or not link.works:
        raise Conflict(
            _("This link does not work any more. Everything that you labelled is kept."),
            code="guest_link_ended",
            hint=_("Ask the person who sent it to you for a new one."),
            status=410,
        )
    return link


def in_share(link: GuestLink, row: int) -> bool:
    """A share of the rows that stays the same, whichever rows have a label by now."""
    return row * 2654435761 % 2**32 / 2**32 * 100 < link.share


def is_asked(link: GuestLink, version: DatasetVersion, row: int) -> bool:
    """Whether the guest can have been shown the row: one of their share, or one that somebody has labelled."""
    return in_share(link, row) or Decision.objects.filter(version=version, row=row, value__isnull=False).exists()


def next_item(link: GuestLink, version: DatasetVersion) -> Item | None:
    """The row that the guest is asked about, masked; None where none is left."""
    own = Decision.objects.filter(guest=link).count()
    seconds = Opinion.objects.filter(guest=link).count()
    item = second_item(link, version) if seconds * ONE_IN < own + seconds else None
    item = item or first_item(link, version) or second_item(link, version)
    return masked(item) if item else None


def first_item(link: GuestLink, version: DatasetVersion) -> Item | None:
    taken: list[int] = []
    for _turn in range(TURNS):
        candidates = items(version, "mixed", TRIED, tuple(taken))
        if not candidates:
            return None
        chosen = next((item for item in candidates if in_share(link, item.row) and can_be_shown(version, item)), None)
        if chosen:
            return chosen
        taken += [item.row for item in candidates]
    return None


def can_be_shown(version: DatasetVersion, item: Item) -> bool:
    """Whether what a person must see or hear of the row is there, in a format of which what is written beside it can be left out; and
    its words, where words are answered."""
    files = [media_file(version, cell.value or "") for cell in item.cells if cell.kind in ("image", "audio")]
    words = [words_of(cell.value) for cell in item.cells if cell.role == "tokens"]
    return all(file is not None and can_be_bare(file[0]) for file in files) and None not in words


def second_item(link: GuestLink, version: DatasetVersion) -> Item | None:
    """One that somebody else has labelled, and that this guest has said nothing about."""
    answered = Opinion.objects.filter(guest=link, version=version).values("row")
    others = Decision.objects.pending(version).new().filter(value__isnull=False, source="person").exclude(guest=link)
    rows = list(others.exclude(row__in=answered).order_by("pk").values_list("row", flat=True)[: TURNS * TRIED])
    for start in range(0, len(rows), TRIED):
        if item := first_shown(version, rows[start : start + TRIED]):
            return item
    return None


def first_shown(version: DatasetVersion, rows: list[int]) -> Item | None:
    """The first of the rows that can be shown."""
    with connect() as cursor:
        records = read(cursor, version, names_of(version), [row - 1 for row in rows], CHARACTERS)
    items = (item_of(version, record, None, "") for record in records)
    return next((item for item in items if can_be_shown(version, item)), None)


def masked(item: Item) -> Item:
    return Item(item.row, [masked_cell(cell) for cell in item.cells])


def masked_cell(cell: Cell) -> Cell:
    """A list of words keeps their number: passages are said by it."""
    if not cell.value or cell.kind in ("image", "audio"):
        return cell
    words = words_of(cell.value) if cell.role == "tokens" else None
    masked = as_cell(personal_data.masked_words(words)) if words else personal_data.masked(cell.value)
    return replace(cell, value=masked)


def media_of_row(link: GuestLink, version: DatasetVersion, row: int) -> bytes:
    """The picture or sound of a row that the guest may be asked about, without what cameras and programs write beside it; `Http404` for
    all else."""
    if link.pictures and 1 <= row <= version.rows and in_pool(version, [row]) and is_asked(link, version, row):
        with connect() as cursor:
            rows = read(cursor, version, names_of(version), [row - 1], CHARACTERS)
        cells = item_of(version, rows[0], None, "").cells
        names = [cell.value or "" for cell in cells if cell.kind in ("image", "audio")]
        file = media_file(version, names[0]) if names else None
        with suppress(NotBareError):
            if file is not None:
                return bare(file[0].read_bytes())
    raise Http404


def decide(link: GuestLink, version: DatasetVersion, row: int, answer: object) -> None:
    """An answer, or a second opinion where somebody else was quicker: neither is lost. Only labels that there are can be given."""
    value = cell_of(version, row, answer)
    if row not in in_pool(version, [row]) or not is_asked(link, version, row):
        raise actions.labelled_already(row)
    about: dict[str, Any] = {"workspace": link.workspace, "version": version, "row": row}
    try:
        with transaction.atomic():
            before = Decision.objects.select_for_update().filter(version=version, row=row).first()
            if before is not None and not before.is_skipped and before.guest_id != link.pk:
                Opinion.objects.update_or_create(**about, guest=link, defaults={"value": value})
                return
            fields = {"value": value, "guest": link, "person": None, "decided_at": timezone.now(), "made": None}
            Decision.objects.update_or_create(**about, defaults=fields)
    except IntegrityError:  # at the same moment
        Opinion.objects.update_or_create(**about, guest=link, defaults={"value": value})


def cell_of(version: DatasetVersion, row: int, answer: object) -> str:
    """The cell that it becomes; `Problem` for a label that there is not, and for what is no answer."""
    labelling = kind_of(version)
    none_chosen = Problem(_("No label was chosen."), code="bad_label", hint=_("Choose a label."), field="value")
    rows = rows_of(version, [row]) if labelling.needs_row else {}
    try:
        value = labelling.cell(answer, rows.get(row, answers_like(version)))
    except Problem as problem:
        is_of_labels = labelling.is_chosen and not labelling.needs_row
        raise none_chosen if is_of_labels else problem from problem
    if set(labelling.labels(value)) - {label for label, _rows in actions.labels_of(version)}:
        raise none_chosen
    return value


def units_of(prototype: Prototype) -> list[list[str]]:
    """The answers, as cells, to each row that two have labelled, of versions that ask what the one of now asks."""
    units: dict[tuple[str, int], list[str]] = {}
    for opinion in alike_opinions(prototype.dataset.current, Opinion.objects.filter(guest__prototype=prototype)):
        units.setdefault((opinion.version_id, opinion.row), []).append(opinion.value)
    decisions = Decision.objects.filter(version__in={version for version, _row in units}, value__isnull=False)
    for version, row, label in decisions.values_list("version", "row", "value"):
        if label is not None and (version, row) in units:
            units[version, row].append(label)
    return list(units.values())


def alike_opinions(version: DatasetVersion | None, opinions: QuerySet[Opinion]) -> list[Opinion]:
    """Those on versions that ask the same of their rows."""
    listed = list(opinions.select_related("version"))
    versions = {opinion.version_id: opinion.version for opinion in listed}
    alike = {pk for pk, asked_on in versions.items() if version is not None and is_answered_alike(asked_on, version)}
    return [opinion for opinion in listed if opinion.version_id in alike]


def agreement(prototype: Prototype) -> Agreement | None:
    units, version = units_of(prototype), prototype.dataset.current
    if not units or version is None:
        return None
    labelling = kind_of(version)
    compared = [[labelling.compared(cell) for cell in unit] for unit in units]
    return agreement_of(compared, labelling)


def disputed(version: DatasetVersion, _about: str) -> list[Doubt]:
    """Rows of the version about which a guest said otherwise."""
    opinions = alike_opinions(version, Opinion.objects.filter(version__dataset=version.dataset_id))
    by_version: dict[DatasetVersion, dict[int, str]] = {}
    for opinion in opinions:
        by_version.setdefault(opinion.version, {})[opinion.row] = opinion.value
    doubts = []
    for before, labels in by_version.items():
        rows = {row: row for row in labels} if before == version else same_rows(before, version, list(labels))
        doubts += [Doubt(rows[row], value) for row, value in labels.items() if row in rows]
    return doubts


def notes_of(version: DatasetVersion) -> dict[str, str]:
    """{label: what it means}."""
    return dict(LabelNote.objects.filter(dataset=version.dataset).values_list("label", "words"))


def describe(version: DatasetVersion, label: str, words: str) -> str:
    """What the label means, as it is kept; `Problem` for a label that there is not."""
    label, words = canonical_label(label), " ".join(words.split())[:400]
    if label not in dict(actions.labels_of(version)):
        raise Problem(
            _("There is no label “%(name)s”.") % {"name": label[:60]}, code="bad_label", hint=_("Choose a label.")
        )
    if words:
        given = {"workspace": version.workspace, "words": words}
        LabelNote.objects.update_or_create(dataset=version.dataset, label=label, defaults=given)
    else:
        LabelNote.objects.filter(dataset=version.dataset, label=label).delete()
    return words
