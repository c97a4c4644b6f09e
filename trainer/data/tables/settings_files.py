"""YAML and TOML: lists of records in them are rows, as in JSON. Files of settings (these, INI, .properties), which have no records, are
refused by name."""

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from trainer.data.readings import Choices, Reading
from trainer.data.tables.jsonrows import listed_table
from trainer.data.tables.records import find_lists
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.errors import DataError
from trainer.json_types import Json
from trainer.messages import _

YAML, TOML, INI = "YAML", "TOML", "INI"
YAML_NAME = re.compile(r"\.ya?ml$", re.IGNORECASE)
TOML_NAME = re.compile(r"\.toml$", re.IGNORECASE)
INI_NAME = re.compile(r"\.(ini|cfg|conf|properties|env|editorconfig|gitconfig)$", re.IGNORECASE)
ENTRY = re.compile(r"(?:- +)?[^\s:#,\t][^:\t,]{0,60}:(?: .*)?|- .*|[|>]|#.*|---.*|\.\.\.")
FIRST = re.compile(r"(?:---|%YAML|- +[\w\"'][\w .\"'-]{0,40}:(?: |$))")
SECTION = re.compile(r"\[[^\[\]\"',]{1,100}\]\s*([;#].*)?|\[\[[^\[\]\"',]{1,100}\]\]\s*(#.*)?")
ASSIGNED = re.compile(r"[\w.\-/@$ \"']{1,80}\s*=.*|[;#!].*")
FURTHER = re.compile(r" {2,}[\w\"'][\w .\"'-]{0,40}:(?: |$)")
"""A further field of a record."""
SETTING = re.compile(r"[\w.\-/@$ \"']{1,80}\s*[=:].*|[;#!].*")
MAX_CHARACTERS, MAX_ALIASES = 16 << 20, 100
MOSTLY = 0.9


def settings_kind(sample: str, name: str) -> str:
    """`YAML`, `TOML` or `INI` by the name of a file and its lines; "" for any other."""
    lines = [line.rstrip() for line in sample.splitlines()[:300] if line.strip()]
    if not lines or lines[0].lstrip("\ufeff \t").startswith(("{", "[{", '["')):  # JSON, whatever it is called
        return ""
    first = next((line for line in lines if line.strip()[:1] not in "#;!"), "")
    if is_sectioned(lines, first) or TOML_NAME.search(name):
        is_toml = TOML_NAME.search(name) or first.startswith("[[")
        return TOML if is_toml and may_be_toml(sample, name) else INI
    if INI_NAME.search(name) and sum(map(bool, map(SETTING.fullmatch, lines))) > MOSTLY * len(lines):
        return INI
    further = sum(FURTHER.match(line) is not None for line in lines)
    is_yaml = YAML_NAME.search(name) or (FIRST.match(first) and further > 1 and 4 * further >= len(lines))
    entries = sum(ENTRY.match(line.strip()) is not None for line in lines)
    return YAML if is_yaml and entries > (0.3 if YAML_NAME.search(name) else MOSTLY) * len(lines) else ""


def is_sectioned(lines: list[str], first: str) -> bool:
    """Whether a name in brackets stands above lines of `name = value`."""
    sections = sum(SECTION.fullmatch(line) is not None for line in lines)
    settings = sum(ASSIGNED.fullmatch(line.strip()) is not None for line in lines)
    return SECTION.fullmatch(first) is not None and settings > 0 and sections + settings > MOSTLY * len(lines)


def may_be_toml(sample: str, name: str) -> bool:
    return TOML_NAME.search(name) is not None or re.search(r"^\s*[\w\"'-]+\s*=\s*([\"'\[{]|true|false|[-+]?\d)", sample, re.MULTILINE) is not None  # fmt: skip


def settings_table(
    lines: Lines, name: str, size: int, details: dict[str, Any], kind: str, choices: Choices | None = None
) -> Table:
    """The rows of the likeliest list of records; `DataError` for a file without one."""
    text = lines.stream.read(MAX_CHARACTERS + 1).lstrip("\ufeff").replace("\0", "")
    if len(text) > MAX_CHARACTERS:
        raise DataError(
            _("%(name)s is too large for a document of %(kind)s.", name=name, kind=kind),
            code="too_large",
            hint=_("Write one object a line (JSONL)."),
        )
    values = None if kind == INI else parse_yaml(text, name) if kind == YAML else parse_toml(text, name)
    lists = find_lists(values)
    lists.sort(key=lambda place: not holds_records(place[1]))  # of as many as before the longest first
    if not lists or not holds_records(lists[0][1]) or (len(lists[0][1]) < 2 and not isinstance(values, list)):
        raise DataError(
            _("%(name)s holds settings (%(kind)s), not a list of records.", name=name, kind=kind),
            code="not_a_table",
            hint=_("Send the rows as CSV, JSONL or Excel, or as a list of records: “- text: …”, “  label: …”."),
        )
    table = Table(name, kind.lower(), [], iter(()), size, details)
    table.readings.append(Reading("form", kind.lower(), _("A list of records in %(kind)s", kind=kind), file=name))
    return listed_table(table, lists, choices or Choices())


def holds_records(rows: Sequence[Json]) -> bool:
    return any(isinstance(row, dict) for row in rows[:10])


def parse_yaml(text: str, name: str) -> Json:
    """Every value as it is written: `no`, `010` and dates stay what they are. Several documents are a list."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        aliases = sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=loader)) if re.search(r"[\s\[,]\*\w", text) else 0  # fmt: skip
        if aliases > MAX_ALIASES:
            raise DataError(
                _("%(name)s refers to its own parts more than %(count)s times.", name=name, count=MAX_ALIASES),
                code="too_large",
                hint=_("Write one object a line (JSONL)."),
            )
        documents = [with_nothing(value) for value in yaml.load_all(text, Loader=loader)]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise not_valid(
            name, YAML, mark.line + 1 if mark else 1, getattr(error, "problem", None) or "it is nested too deeply"
        ) from error
    return documents[0] if len(documents) == 1 else documents


def with_nothing(value: Json) -> Json:
    """`~` and `null` as nothing; keys as texts."""
    if isinstance(value, dict):
        return {str(key): with_nothing(cell) for key, cell in value.items()}
    if isinstance(value, list):
        return [with_nothing(cell) for cell in value]
    return None if value in ("~", "null", "Null", "NULL", "") else value


def parse_toml(text: str, name: str) -> Json:
    try:
        return plain(tomllib.loads(text.replace("\r\n", "\n")))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        match = re.search(r"at line (\d+)", str(error))
        raise not_valid(name, TOML, int(match[1]) if match else 1, str(error).partition(" (at")[0]) from error


def plain(value: object) -> Json:
    """TOML's days and times as texts."""
    if isinstance(value, dict):
        return {str(key): plain(cell) for key, cell in value.items()}
    if isinstance(value, list):
        return [plain(cell) for cell in value]
    return value if isinstance(value, str | int | float | bool) else str(value)


def not_valid(name: str, kind: str, line: int, why: str) -> DataError:
    return DataError(
        _("%(name)s is not valid %(kind)s: line %(line)s, %(why)s.", name=name, kind=kind, line=f"{line:,}", why=why),
        code="damaged",
        hint=_("Fix that place, or send one object a line (JSONL) or CSV."),
    )
