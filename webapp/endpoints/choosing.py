"""Which examples visitors of a demo see: rows that a member ticks, and inputs that a member types.

A wish is checked before anything is changed (`check`), then carried out in the transaction of whatever else is done (`choose`),
so that a demo goes live with exactly the examples that were asked for, or not at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.core.numbers import whole
from webapp.core.problems import Conflict, Problem
from webapp.endpoints.examples import Sight
from webapp.endpoints.models import DemoExample, Endpoint
from webapp.runs.models import Run

MOST_TYPED, MOST_CHARACTERS = 8, 2_000
FIELD = "own-"
"""Begins the names of the fields in which an example is typed."""


@dataclass(frozen=True)
class Wish:
    """Rows of a run by their number; `typed` by the names of the inputs; `remove`: ids of typed ones. `replaces`: nothing else
    stays, neither rows nor typed ones."""

    tick: frozenset[int] = frozenset()
    untick: frozenset[int] = frozenset()
    typed: tuple[Any, ...] = ()
    remove: frozenset[str] = frozenset()
    replaces: bool = False
    texts: bool | None = None
    """Whether visitors may read the texts that the model finds; None: as it is."""


@dataclass(frozen=True)
class Choice:
    """A wish that can be carried out. digests {number of a row to tick: its digest}."""

    run: Run
    wish: Wish
    digests: dict[int, str] = field(default_factory=dict)
    typed: list[dict[str, str]] = field(default_factory=list)


def wish_of_form(data: QueryDict, run: Run) -> Wish:
    """What was changed in a form: `examples` against `was_examples`, and `typed` against `was_typed`. What somebody else
    changed since the form was drawn stays changed. `Conflict` for the rows of another run than `run`."""
    rows_of_another = data.get("examples_of") != run.pk and ("examples" in data or "was_examples" in data)
    if rows_of_another:
        hint = _("Look at the rows of this run, then choose again.")
        raise Conflict(_("These rows are those of another run."), code="replaced_already", hint=hint)
    now, before = numbers_of(data.getlist("examples")), numbers_of(data.getlist("was_examples"))
    own = {name.removeprefix(FIELD): data.get(name, "").strip() for name in data if name.startswith(FIELD)}
    typed = ({name: text for name, text in own.items() if text},) if any(own.values()) else ()
    removed = frozenset(data.getlist("was_typed")) - frozenset(data.getlist("typed"))
    texts, were_texts = "texts" in data, "was_texts" in data
    return Wish(now - before, before - now, typed, removed, texts=texts if texts != were_texts else None)


def numbers_of(texts: Iterable[str]) -> frozenset[int]:
    numbers = frozenset(whole(text, -1) for text in texts)
    if -1 in numbers:
        raise no_row()
    return numbers


def no_row() -> Problem:
    hint = _("Choose rows by their number among the run’s examples.")
    return Problem(_("There is no such row to show."), code="no_example", hint=hint)


def refused(refusal: str, *, is_personal: bool) -> Problem:
    if is_personal:
        return Problem(refusal, code="personal_data", hint=_("Write an example of your own instead."))
    return Problem(refusal, code="no_example", hint=_("Choose another one."))


def check_form(run: Run, data: QueryDict) -> Choice:
    """What a form of the share page asks for."""
    return check(run, wish_of_form(data, run), by_field=True)


def wish_of_list(items: Iterable[object]) -> Wish:
    """All that visitors are to see: numbers of rows, and {"row": number} or {"input": …} of each."""
    rows, typed = set(), []
    for item in items:
        row = item.get("row") if isinstance(item, Mapping) else item
        if isinstance(row, int):
            rows.add(row)
        elif isinstance(item, Mapping) and "input" in item:
            typed.append(item["input"])
        else:
            raise no_row()
    return Wish(frozenset(rows), typed=tuple(typed), replaces=True)


def check(run: Run, wish: Wish, *, by_field: bool = False) -> Choice:
    """`Problem` for a row that is not there or may not be shown, and for a typed example that the model does not read.

    `by_field`: typed values come by the ids of the form's fields, not by the names of the inputs.
    """
    sight = Sight(run)
    digests = {}
    for number in sorted(wish.tick):
        if not 0 <= number < len(sight.examples):
            raise no_row()
        if refusal := sight.refusal(number):
            raise refused(refusal, is_personal=bool(sight.hidden))
        digests[number] = sight.digest(number)
    if wish.texts:
        check_texts(sight)
    names = {field.id: field.name for field in sight.fields}
    typed = [by_name(values, names) if by_field else values for values in wish.typed]
    return Choice(run, wish, digests, [check_typed(sight, values) for values in typed])


def check_texts(sight: Sight) -> None:
    """`Problem` where answers hold no texts of the data, or such as may never be shown."""
    if not sight.quotes_data:
        message = _("The answers of this model hold no texts of the data.")
        raise Problem(message, code="no_texts", hint=_("Leave this out."))
    if sight.flagged_texts:
        message = _("Cannot be shown: personal data was found in “%(columns)s”.") % {"columns": sight.flagged_texts}
        hint = _("Mask or replace it on the data page, then train again.")
        raise Problem(message, code="personal_data", hint=hint)


def by_name(values: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {names[key]: text for key, text in values.items() if key in names}


def check_typed(sight: Sight, value: object) -> dict[str, str]:
    """A typed example as {name of the input: text}: a text alone is that of a model that reads one."""
    values = {sight.fields[0].name: value} if isinstance(value, str) and sight.is_single else value
    if not isinstance(values, Mapping) or not sight.fits({str(name): "" for name in values}):
        hint = _("Only texts and the columns of tables can be typed: %(names)s.") % {
            "names": ", ".join(sorted(sight.names))
        }
        raise Problem(_("The model does not read this example."), code="bad_example", hint=hint)
    texts = {str(name): text_of(cell) for name, cell in values.items() if cell not in (None, "")}
    if not texts:
        raise Problem(_("The example is empty."), code="bad_example", hint=_("Write something first."))
    if sum(map(len, texts.values())) > MOST_CHARACTERS:
        message = _("An example has at most %(most)d characters.") % {"most": MOST_CHARACTERS}
        raise Problem(message, code="bad_example", hint=_("Shorten it."))
    return texts


def text_of(cell: object) -> str:
    if not isinstance(cell, str | int | float | bool):
        raise Problem(_("The model does not read this example."), code="bad_example", hint=_("Send texts and numbers."))
    return str(cell).strip()


def choose(endpoint: Endpoint, user: User | None, choice: Choice) -> None:
    """Within a transaction, which holds the endpoint's row from here on: of two people at once one comes after the other."""
    Endpoint.objects.select_for_update().filter(pk=endpoint.pk).first()
    rows, typed = endpoint.examples.filter(run=choice.run), endpoint.examples.filter(run=None)
    before = set(rows.values_list("number", "digest"))
    gone = (
        rows.exclude(number__in=choice.digests) if choice.wish.replaces else rows.filter(number__in=choice.wish.untick)
    )
    gone.delete()
    rows.filter(number__in=choice.digests).delete()
    fields: dict[str, Any] = {"workspace_id": endpoint.workspace_id, "endpoint": endpoint}
    for number, digest in choice.digests.items():
        DemoExample.objects.create(**fields, run=choice.run, number=number, digest=digest)
    if choice.wish.replaces:
        endpoint.examples.exclude(run=choice.run).delete()
    typed.filter(pk__in=choice.wish.remove).delete()
    if typed.count() + len(choice.typed) > MOST_TYPED:
        message = _("A demo has at most %(most)d typed examples.") % {"most": MOST_TYPED}
        raise Problem(message, code="too_many_examples", hint=_("Remove one first."))
    for values in choice.typed:
        DemoExample.objects.create(**fields, typed=values)
    Endpoint.objects.filter(pk=endpoint.pk).update(examples_removed_at=None)
    if choice.wish.texts is not None:
        show_texts(endpoint, user, choice)
    record(endpoint, user, before, set(rows.values_list("number", "digest")))


def show_texts(endpoint: Endpoint, user: User | None, choice: Choice) -> None:
    endpoint.texts_of = choice.run if choice.wish.texts else None
    endpoint.save(update_fields=["texts_of"])
    audit(
        endpoint.workspace,
        user,
        "showed texts" if choice.wish.texts else "hid texts",
        "endpoint",
        endpoint.pk,
        endpoint.name,
    )


def record(endpoint: Endpoint, user: User | None, before: set[Any], after: set[Any]) -> None:
    for verb, changed in (("showed examples", after - before), ("hid examples", before - after)):
        if changed:
            audit(endpoint.workspace, user, verb, "endpoint", endpoint.pk, endpoint.name)
