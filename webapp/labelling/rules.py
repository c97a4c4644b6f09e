"""Rules that label many rows at once: by words, a regular expression or the value of a column. Where rows have several labels, a rule
adds one, and what several rules say of a row becomes one answer. What a rule covers and how often it
is right is measured on labels of people before it is applied, and it can be removed with all that it labelled.

Expressions are those of RE2, which DuckDB searches with: its time grows with the text alone, so no rule can run for ever.
"""

import re
from dataclasses import dataclass
from functools import reduce
from typing import Self

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from trainer.columns import canonical_label
from trainer.shares import wilson_interval
from webapp.accounts.models import User
from webapp.answers.labelled import Labelling, check_label
from webapp.core.problems import Conflict, Problem
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import CANONICAL, Cursor, connect, file_of, names_of, rows_sql
from webapp.datasets.versions import derive, mapping_of
from webapp.labelling.actions import current_version
from webapp.labelling.doubts import labels_of_rows
from webapp.labelling.kinds import names_in
from webapp.labelling.models import Decision, DecisionQuerySet, Rule
from webapp.labelling.queue import answer_column, check_in_bulk, in_pool, inputs_of, suggestions_file

MOST_RULES = 50
MOST_ROWS = 100_000
"""That one rule labels."""
AT_ONCE = 5_000
RULE = "rule:"
"""Begins the source of what a rule said."""
Change = tuple[Decision, str, str]
"""A decision as it was read, its new value ("": it is taken back) and its new source."""


@dataclass(frozen=True)
class Measured:
    """`covers`: rows of the pool that it would label; `seen`: rows with a label that it matches, of which `right` have its label."""

    covers: int
    seen: int
    right: int

    @property
    def precision(self) -> float | None:
        return self.right / self.seen if self.seen else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson_interval(self.right / self.seen, self.seen) if self.seen else None


def create(version: DatasetVersion, user: User, **fields: str) -> Rule:
    """`Problem` for what cannot be a rule."""
    check_in_bulk(version)
    rule = Rule(workspace=version.workspace, dataset=version.dataset, **cleaned(version, fields))
    if Rule.objects.filter(dataset=version.dataset).count() >= MOST_RULES:
        raise bad_rule(_("A dataset has at most %(limit)d rules.") % {"limit": MOST_RULES})
    if Rule.objects.filter(dataset=version.dataset, name=rule.name).exists():
        raise bad_rule(_("There is a rule “%(name)s” already.") % {"name": rule.name})
    matching(version, rule)
    rule.save()
    return rule


def cleaned(version: DatasetVersion, fields: dict[str, str]) -> dict[str, str]:
    name, pattern, column = (fields.get(key, "").strip() for key in ("name", "pattern", "column"))
    kind, label = fields.get("kind") or Rule.Kind.WORDS, canonical_label(fields.get("label", ""))
    check_label(label)
    if kind not in Rule.Kind.values:
        raise bad_rule(_("A rule looks for words, a regular expression or a value."))
    has_nothing = not pattern.strip(", " if kind == Rule.Kind.WORDS else None)
    if has_nothing or len(pattern) > 200 or not pattern.isprintable():
        raise bad_rule(_("Say what the rule looks for, in at most 200 characters."))
    if column and column not in names_of(version):
        raise bad_rule(_("There is no column “%(name)s”.") % {"name": column[:60]})
    if kind == Rule.Kind.VALUE and not column:
        raise bad_rule(_("Choose the column whose value decides."))
    return {"name": (name or pattern)[:60], "kind": kind, "pattern": pattern, "column": column, "label": label}


def bad_rule(message: str) -> Problem:
    return Problem(message, code="bad_rule", hint=_("Change the rule, then try again."), field="pattern")


def expression(rule: Rule) -> str:
    """Of RE2. Words are whole words, any of those between commas, capitals aside."""
    if rule.kind == Rule.Kind.REGEX:
        return rule.pattern
    words = [re.escape(word.strip()) for word in rule.pattern.split(",") if word.strip()]
    return rf"(?i)(?:^|[^\pL\pN_])(?:{'|'.join(words)})(?:$|[^\pL\pN_])"


def condition(version: DatasetVersion, rule: Rule) -> tuple[str, list[str]]:
    """SQL over the columns of a row, and its values."""
    names = names_of(version)
    columns = [rule.column] if rule.column else [name for _role, name in inputs_of(version)]
    places = [f"c{names.index(name)}" for name in columns if name in names]
    if rule.kind == Rule.Kind.VALUE:
        return " OR ".join(f"{CANONICAL.format(column=place)} = ?" for place in places) or "false", [
            canonical_label(rule.pattern)
        ] * len(places)
    matches = " OR ".join(f"regexp_matches(coalesce({place}, ''), ?)" for place in places)
    return matches or "false", [expression(rule)] * len(places)


def matching(version: DatasetVersion, rule: Rule) -> list[int]:
    """Rows, from 1, that it matches; `Problem` for an expression that cannot be read."""
    where, values = condition(version, rule)
    query = f"SELECT n + 1 FROM {rows_sql(names_of(version))} WHERE {where} ORDER BY n LIMIT {MOST_ROWS}"  # noqa: S608
    with connect() as cursor:
        try:
            rows = cursor.execute(query, [file_of(version, "data"), *values]).fetchall()
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in ("duckdb", "_duckdb"):
                raise
            raise bad_rule(_("This is not a regular expression that can be searched for.")) from error
    return [row[0] for row in rows]


def measure(version: DatasetVersion, rule: Rule) -> Measured:
    rows, labelling = matching(version, rule), check_in_bulk(version)
    with connect() as cursor:
        cells = labels_of_rows(cursor, version, rows)
        unseen = labelled_unseen(cursor, version)
    seen = [cell for row, cell in cells.items() if row not in unseen]
    right = sum(rule.label in labelling.labels(cell) for cell in seen)
    covers = len(free_rows(version, rows)) + len(extended(version, rule, by_rules(version).filter(row__in=rows)))
    return Measured(covers, len(seen), right)


def labelled_unseen(cursor: Cursor, version: DatasetVersion) -> set[int]:
    """Rows, from 1, whose label a program gave."""
    path = version.folder / "label_sources.parquet"
    if not path.exists():
        return set()
    query = "SELECT row FROM read_parquet(?) WHERE source NOT IN ('file', 'person')"
    return {row[0] for row in cursor.execute(query, [str(path)]).fetchall()}


def free_rows(version: DatasetVersion, rows: list[int]) -> list[int]:
    """Those of the pool that nobody has decided on, without those that are reserved for the test: a rule is not a person."""
    decided = set(Decision.objects.filter(version=version, row__in=rows).values_list("row", flat=True))
    free = in_pool(version, rows) - decided
    path = suggestions_file(version)
    if path.exists() and free:
        with connect() as cursor:
            reserved = cursor.execute("SELECT row FROM read_parquet(?) WHERE reserved", [str(path)]).fetchall()
        free -= {row[0] for row in reserved}
    return sorted(free)


def extended(version: DatasetVersion, rule: Rule, decisions: DecisionQuerySet) -> list[Change]:
    """Those of these decisions that lack the label of the rule, with it; none where a row has one label."""
    labelling = check_in_bulk(version)
    if not labelling.can_have_more:
        return []
    changes = [(decision, labelling.added(decision.value or "", rule.label), decision.source) for decision in decisions]
    return [change for change in changes if change[1] != change[0].value]


def by_rules(version: DatasetVersion) -> DecisionQuerySet:
    """Decisions of rules that are in no version yet."""
    decisions: DecisionQuerySet = Decision.objects.pending(version).new().filter(source__startswith=RULE).order_by("pk")
    return decisions


def save_changes(version: DatasetVersion, changes: list[Change]) -> int:
    """Only where the decision still is what was read: what a person has said meanwhile stays. An empty cell takes it back; how many rows
    that are."""
    alike: dict[tuple[str | None, str, str, str], list[int]] = {}
    for decision, value, source in changes:
        alike.setdefault((decision.value, decision.source, value, source), []).append(decision.row)
    count = 0
    for (old_value, old_source, value, source), rows in alike.items():
        for start in range(0, len(rows), AT_ONCE):
            decisions = Decision.objects.pending(version).new().filter(row__in=rows[start : start + AT_ONCE])
            unchanged = decisions.filter(value=old_value, source=old_source)
            count += unchanged.update(value=value, source=source) if value else unchanged.delete()[0]
    return count


def apply(rule: Rule, user: User) -> int:
    """Label what it matches, as decisions that are in no version yet; how many rows that are."""
    version = current_version(rule.dataset)
    matched = matching(version, rule)
    value, rows, now = check_in_bulk(version).added("", rule.label), free_rows(version, matched), timezone.now()
    given = {"value": value, "source": rule.source, "person": user, "decided_at": now}
    made = [Decision(workspace=version.workspace, version=version, row=row, **given) for row in rows]
    with transaction.atomic():
        decisions = by_rules(version).filter(row__in=matched).select_for_update(of=("self",))
        more = save_changes(version, extended(version, rule, decisions))
        before = Decision.objects.filter(version=version, source=rule.source).count()
        Decision.objects.bulk_create(made, batch_size=AT_ONCE, ignore_conflicts=True)  # who was quicker decides
        Rule.objects.filter(pk=rule.pk).update(is_applied=True)
        return int(Decision.objects.filter(version=version, source=rule.source).count()) - before + more


def remove(rule: Rule, user: User) -> DatasetVersion | None:
    """The rule with all that it labelled: decisions are taken back, and where a version has some, the next one is made without; that
    version, or None. What a person has looked at since is that person's; a label of another rule on the same row stays."""
    version = current_version(rule.dataset)
    remaining = Remaining.of(version, rule)
    with connect() as cursor:
        labelled = rows_by_rules(cursor, version)
        cells = cells_of(cursor, version, [row for row in labelled if remaining.concerns(row, labelled[row])])
    left = {row: remaining.answer(row, cell, labelled[row]) for row, cell in cells.items()}
    entries = [
        {"row": row, "value": value, "source": source, "at": timezone.now().isoformat()}
        for row, (value, source) in left.items()
        if value and (value, source) != (remaining.labelling.normal(cells[row]), labelled[row])
    ]
    with transaction.atomic():
        reduce_decisions(version, remaining)
        made = None
        if entries or rule.source in labelled.values():
            check_newest(version)
            note = _("Labels of the rule “%(name)s” taken back") % {"name": rule.name}
            changes = {"take_back": rule.source} | ({"labels": entries} if entries else {})
            made = derive(version, user, note, changes=changes, **mapping_of(version))
        rule.delete()
    return made


def rows_by_rules(cursor: Cursor, version: DatasetVersion) -> dict[int, str]:
    """{row from 1: the source of its label}, of those that a rule gave."""
    path = version.folder / "label_sources.parquet"
    if not path.exists():
        return {}
    query = "SELECT row, source FROM read_parquet(?) WHERE starts_with(source, ?)"
    return dict(cursor.execute(query, [str(path), RULE]).fetchall())


def cells_of(cursor: Cursor, version: DatasetVersion, rows: list[int]) -> dict[int, str]:
    """{row from 1: its answer, whole}, without those that have none."""
    place = names_of(version).index(answer_column(version) or "")
    query = (
        f"SELECT n + 1, c{place} FROM {rows_sql(names_of(version))} "  # noqa: S608
        f"WHERE trim(c{place}) <> '' AND n + 1 IN (SELECT unnest(?::BIGINT[]))"
    )
    return dict(cursor.execute(query, [file_of(version, "data"), rows]).fetchall())


@dataclass(frozen=True)
class Remaining:
    """What stays of the answers that rules gave to rows, from 1, once `rule` is gone. `matched`: rows that it may have added its label
    to; `others`: the other rules that were applied, each with the rows that it matches. None of either where a row has one label."""

    labelling: Labelling
    rule: Rule
    matched: set[int]
    others: list[tuple[Rule, set[int]]]

    @classmethod
    def of(cls, version: DatasetVersion, rule: Rule) -> Self:
        labelling = check_in_bulk(version)
        if not labelling.can_have_more:
            return cls(labelling, rule, set(), [])
        matched = set(matching(version, rule)) if rule.is_applied else set()
        applied = Rule.objects.filter(dataset=rule.dataset_id, is_applied=True).exclude(pk=rule.pk)
        others = [(other, set(matching(version, other))) for other in applied.order_by("created_at")]
        return cls(labelling, rule, matched, others)

    def concerns(self, row: int, source: str) -> bool:
        return source == self.rule.source or row in self.matched

    def answer(self, row: int, cell: str, source: str) -> tuple[str, str]:
        """(the cell without the label of the rule, unless another rule gives it too; the source of what stays); an empty cell where
        nothing stays."""
        here = [other for other, rows in self.others if row in rows]
        labels = set(self.labelling.labels(cell))
        if self.rule.label not in {other.label for other in here}:
            labels -= {self.rule.label}
        if source == self.rule.source:
            source = next((other.source for other in here if other.label in labels), "")
        value = reduce(self.labelling.added, sorted(labels), "") if source else ""
        return value, source


def reduce_decisions(version: DatasetVersion, remaining: Remaining) -> None:
    """Those of rules that are in no version yet, without what this rule said."""
    changes = []
    for decision in by_rules(version).select_for_update(of=("self",)):
        if remaining.concerns(decision.row, decision.source):
            value, source = remaining.answer(decision.row, decision.value or "", decision.source)
            changes.append((decision, value, source))
    save_changes(version, [change for change in changes if change[1:] != (change[0].value, change[0].source)])


def rename(version: DatasetVersion, user: User, names: list[str], name: str) -> DatasetVersion:
    """The next version, in which these labels are called so; several become one. Decisions that are in no version yet follow."""
    check_label(name)
    name, labelling, known = canonical_label(name), check_in_bulk(version), names_in(version)
    before = [label for label in dict.fromkeys(map(canonical_label, names)) if label != name]
    unknown = next((label for label in before if label not in known), None)
    if unknown is not None or not before:
        raise Problem(
            _("There is no label “%(name)s” to rename.") % {"name": (unknown or name)[:60]},
            code="bad_label",
            hint=_("Choose one of this version."),
            field="name",
        )
    check_newest(version)
    note = _("%(labels)s renamed to %(name)s") % {"labels": ", ".join(before), "name": name}
    with transaction.atomic():
        new = dict.fromkeys(before, name)
        rename_decisions(version, labelling, new)
        Rule.objects.filter(dataset=version.dataset, label__in=before).update(label=name)
        changes = {"rename": new}
        return derive(version, user, note[:200], changes=changes, **mapping_of(version))


def rename_decisions(version: DatasetVersion, labelling: Labelling, new: dict[str, str]) -> None:
    """{label: its new name}, in decisions that are in no version yet; what a person has said meanwhile stays as it was said."""
    settled = Decision.objects.pending(version).settled()
    for cells in settled.order_by().values_list("value", "before").distinct():
        value, before = (cell and labelling.renamed(cell, new) for cell in cells)
        if (value, before) != cells:
            settled.filter(value=cells[0], before=cells[1]).update(value=value, before=before)


def check_newest(version: DatasetVersion) -> None:
    latest = version.dataset.latest
    if latest is not None and latest != version and latest.number > version.number:
        raise Conflict(_("Another version is being made."), code="not_ready", hint=_("Try again once it is ready."))
