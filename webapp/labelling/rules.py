"""Rules that label many rows at once: by words, a regular expression or the value of a column. What a rule covers and how often it
is right is measured on labels of people before it is applied, and it can be removed with all that it labelled.

Expressions are those of RE2, which DuckDB searches with: its time grows with the text alone, so no rule can run for ever.
"""

import re
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from trainer.columns import canonical_label
from trainer.shares import wilson_interval
from webapp.accounts.models import User
from webapp.answers.labelled import check_label
from webapp.core.problems import Conflict, Problem
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import CANONICAL, Cursor, connect, file_of, names_of, rows_sql
from webapp.datasets.versions import derive, mapping_of
from webapp.labelling.actions import current_version
from webapp.labelling.doubts import labels_of_rows
from webapp.labelling.models import Decision, Rule
from webapp.labelling.queue import check_has_classes, in_pool, inputs_of, suggestions_file

MOST_RULES = 50
MOST_ROWS = 100_000
"""That one rule labels."""
AT_ONCE = 5_000


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
    check_has_classes(version)
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
    rows = matching(version, rule)
    with connect() as cursor:
        labels = labels_of_rows(cursor, version, rows)
        unseen = labelled_unseen(cursor, version)
    seen = [label for row, label in labels.items() if row not in unseen]
    right = sum(label == rule.label for label in seen)
    return Measured(len(free_rows(version, rows)), len(seen), right)


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


def apply(rule: Rule, user: User) -> int:
    """Label what it matches, as decisions that are in no version yet; how many rows that are."""
    version = current_version(rule.dataset)
    rows = free_rows(version, matching(version, rule))
    now = timezone.now()
    given = {"value": rule.label, "source": rule.source, "person": user, "decided_at": now}
    made = [Decision(workspace=version.workspace, version=version, row=row, **given) for row in rows]
    before = Decision.objects.filter(version=version, source=rule.source).count()
    Decision.objects.bulk_create(made, batch_size=AT_ONCE, ignore_conflicts=True)  # who was quicker decides
    return int(Decision.objects.filter(version=version, source=rule.source).count()) - before


def remove(rule: Rule, user: User) -> DatasetVersion | None:
    """The rule with all that it labelled: decisions are taken back, and where a version has some, the next one is made without; that
    version, or None. What a person has looked at since is that person's."""
    version = current_version(rule.dataset)
    with connect() as cursor:
        path = version.folder / "label_sources.parquet"
        query = "SELECT count(*) FROM read_parquet(?) WHERE source = ?"
        labelled = cursor.execute(query, [str(path), rule.source]).fetchone()[0] if path.exists() else 0
    with transaction.atomic():
        Decision.objects.pending(version).filter(source=rule.source).delete()
        made = None
        if labelled:
            check_newest(version)
            note = _("Labels of the rule “%(name)s” taken back") % {"name": rule.name}
            made = derive(version, user, note, changes={"take_back": rule.source}, **mapping_of(version))
        rule.delete()
    return made


def rename(version: DatasetVersion, user: User, names: list[str], name: str) -> DatasetVersion:
    """The next version, in which these labels are called so; several become one. Decisions that are in no version yet follow."""
    check_label(name)
    name, known = canonical_label(name), {entry["label"] for entry in version.labels}
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
        pending = Decision.objects.pending(version)
        pending.filter(value__in=before).update(value=name)
        pending.filter(before__in=before).update(before=name)
        Rule.objects.filter(dataset=version.dataset, label__in=before).update(label=name)
        changes = {"rename": dict.fromkeys(before, name)}
        return derive(version, user, note[:200], changes=changes, **mapping_of(version))


def check_newest(version: DatasetVersion) -> None:
    latest = version.dataset.latest
    if latest is not None and latest != version and latest.number > version.number:
        raise Conflict(_("Another version is being made."), code="not_ready", hint=_("Try again once it is ready."))
