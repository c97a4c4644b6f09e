"""Lists of references as libraries and reference managers export them: RIS, MEDLINE (PubMed's .nbib), EndNote's and Web of Science's
tagged texts, BibTeX. A reference is a row; what it has several of (authors, keywords) is a list."""

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from trainer.data.readings import Reading
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.messages import _

Opener = Callable[[Lines, str, int, dict[str, Any]], Table]
Pairs = list[tuple[str, str]]

LISTS = frozenset({"authors", "full authors", "editors", "keywords", "mesh terms", "publication types"})
APART = LISTS - {"keywords", "mesh terms", "publication types"} | {
    "type", "key", "journal", "year", "date", "doi", "url", "issn", "isbn", "volume", "issue", "first page", "last page", "pages", "publisher", "id", "pmid", "language",
}  # fmt: skip
"""What says who wrote a reference, when and where: no answer to learn from its text."""
MAX_LINES = 5_000
"""Of a reference; further ones are told."""


class Style(NamedTuple):
    """A form of lines that begin with tags. `begins`: the tag of a reference's first line; `ends`: that of its last, "" where there
    is none; `frame`: tags around the references; `names`: {tag: column}; others keep their tags."""

    title: str
    line: re.Pattern[str]
    begins: str
    ends: str
    names: dict[str, str]
    frame: frozenset[str] = frozenset()


def named_tags(text: str) -> dict[str, str]:
    return {tag: name for name, _colon, tags in (entry.partition(":") for entry in text.split(";")) for tag in tags.split()}  # fmt: skip


STYLES = (
    Style("RIS", re.compile(r"([A-Z][A-Z0-9]) {1,2}-(?: (.*)|)"), "TY", "ER", named_tags(
        "type:TY;title:TI T1;abstract:AB N2;authors:AU A1;editors:A2 ED;keywords:KW;year:PY Y1;journal:JO JF T2;doi:DO;url:UR;"
        "issn:SN;id:ID AN;notes:N1;language:LA;publisher:PB;volume:VL;issue:IS;first page:SP;last page:EP"
    )),
    Style("MEDLINE", re.compile(r"([A-Z]{2,4}) *- (.*)"), "PMID", "", named_tags(
        "pmid:PMID;title:TI;abstract:AB;full authors:FAU;authors:AU;mesh terms:MH;keywords:OT;publication types:PT;journal:JT;"
        "date:DP;language:LA;volume:VI;issue:IP;pages:PG"
    )),
    Style("EndNote", re.compile(r"(%[^\s%])(?: (.*)|)"), "%0", "", named_tags(
        "type:%0;title:%T;abstract:%X;authors:%A;editors:%E;keywords:%K;year:%D;journal:%J;doi:%R;url:%U;language:%G;"
        "publisher:%I;volume:%V;issue:%N;pages:%P;issn:%@;id:%M;notes:%Z"
    )),
    Style("Web of Science", re.compile(r"([A-Z][A-Z0-9])(?: (.*)|)"), "PT", "ER", named_tags(
        "type:PT;title:TI;abstract:AB;authors:AU;full authors:AF;keywords:DE;journal:SO;year:PY;doi:DI;id:UT;language:LA;"
        "document type:DT;categories:WC;volume:VL;issue:IS;first page:BP;last page:EP;issn:SN;publisher:PU"
    ), frozenset({"FN", "VR", "EF"})),
)  # fmt: skip
ENTRY = re.compile(r"^[ \t]*@(\w+)[ \t]*[{(]", re.MULTILINE)
KINDS = frozenset(["article", "book", "booklet", "conference", "inbook", "incollection", "inproceedings", "manual", "mastersthesis", "misc", "online", "phdthesis", "proceedings", "report", "techreport", "thesis", "unpublished", "dataset", "software", "patent"])  # fmt: skip
NO_ENTRIES = frozenset({"comment", "preamble", "string"})
FIELD = re.compile(r"\s*,?\s*([\w:.+/-]+)\s*=\s*", re.DOTALL)
MARKS = re.compile(r'\\.|[{}"]', re.DOTALL)
BIBTEX_NAMES = {"author": "authors", "editor": "editors", "journaltitle": "journal"}


def find_citations(sample: str) -> Opener | None:
    """The reader of a list of references; None for any other text."""
    lines = [line for line in sample.lstrip("\ufeff").splitlines()[:200] if line.strip()]
    for style in STYLES:
        tags = [match[1] for line in lines[:40] if (match := style.line.fullmatch(line.rstrip()))]
        heads = [tag for tag in tags if tag not in style.frame]
        is_first = bool(lines) and style.line.fullmatch(lines[0].rstrip()) is not None
        if is_first and heads[:1] == [style.begins] and len(set(heads)) >= 3 and (style.ends in heads or not style.ends or len(lines) > 40):  # fmt: skip
            return functools.partial(tagged_table, style=style)
    entries = [match[1].lower() for match in ENTRY.finditer(sample)]
    known = sum(entry in KINDS for entry in entries)
    is_bibtex = known > 0.5 * sum(entry not in NO_ENTRIES for entry in entries) and re.search(r"^[^\n]*=\s*[{\"\w]", sample, re.MULTILINE)  # fmt: skip
    return bibtex_table if known and is_bibtex and re.match(r"[^@]{0,5000}@", sample) else None


def citation_table(table: Table, title: str, records: Iterable[tuple[int, dict[str, Any]]]) -> Table:
    from trainer.data.tables.jsonrows import object_table

    table.readings.append(Reading("form", title, _("References in the form of %(title)s, a row for each", title=title), file=table.name))  # fmt: skip
    table = object_table(table, records)
    answer = next((name for name in ("keywords", "mesh terms") if name in table.columns), "")
    if "abstract" in table.columns and answer:
        table.suggested = {"text": "abstract", "labels": answer}
    table.apart = APART
    return table


def tagged_table(lines: Lines, name: str, size: int, details: dict[str, Any], *, style: Style) -> Table:
    table = Table(name, "references", [], iter(()), size, details)
    return citation_table(table, style.title, tagged_records(lines, table, style))


def tagged_records(lines: Lines, table: Table, style: Style) -> Iterator[tuple[int, dict[str, Any]]]:
    pairs: Pairs = []
    start = 0
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff").rstrip()
        match = style.line.fullmatch(text)
        tag, value = (match[1], match[2] or "") if match else ("", "")
        if tag and tag in style.frame:
            continue
        if tag and tag in (style.begins, style.ends):
            if pairs:
                yield start, reference_of(pairs, style.names)
            pairs, start = [(tag, value.strip())] if tag == style.begins else [], lines.number
        elif not text.strip():
            continue
        elif not pairs or len(pairs) > MAX_LINES:
            table.refuse(lines.number, "belongs to no reference")
        elif tag:
            pairs.append((tag, value.strip()))
        else:
            go_on(pairs, text.strip(), style)
    if pairs:
        yield start, reference_of(pairs, style.names)


def go_on(pairs: Pairs, text: str, style: Style) -> None:
    """A line without a tag: of authors in Web of Science's form one more, else more of the text before."""
    tag, value = pairs[-1]
    if style.frame and style.names.get(tag) in ("authors", "full authors"):
        pairs.append((tag, text))
    else:
        pairs[-1] = (tag, f"{value} {text}".strip())


def reference_of(pairs: Pairs, names: dict[str, str]) -> dict[str, Any]:
    """{column: text or list}; of two tags of one column the second keeps its tag."""
    record: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for tag, value in pairs:
        if not value:
            continue
        name = names.get(tag, tag)
        name = name if owners.setdefault(name, tag) == tag else tag
        if name in LISTS:
            several = value.split("; ") if name == "keywords" else [value]
            record.setdefault(name, []).extend(part.strip() for part in several if part.strip())
        else:
            record[name] = f"{record[name]}\n{value}" if name in record else value
    return {name: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value for name, value in record.items()}  # fmt: skip


# BibTeX: @article{key, title = {…}, year = 2020}


def bibtex_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    table = Table(name, "references", [], iter(()), size, details)
    return citation_table(table, "BibTeX", bibtex_records(lines, table))


def bibtex_records(lines: Lines, table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
    for start, entry in bibtex_entries(lines):
        match = ENTRY.match(entry)
        kind = match[1].lower() if match else ""
        if match is None or kind in NO_ENTRIES:
            continue
        pairs = bibtex_pairs(entry[match.end() :])
        if pairs is None:
            table.refuse(start, "begins an entry that is not closed")
        else:
            yield start, reference_of([("type", kind), *pairs], BIBTEX_NAMES)


def bibtex_entries(lines: Lines) -> Iterator[tuple[int, str]]:
    """(line, text) of each entry, which ends where the next begins; what stands between entries is a comment."""
    collected: list[str] = []
    start = 0
    for line in lines:
        lines.mark()
        if ENTRY.match(line):
            if collected:
                yield start, "".join(collected)
            collected, start = [], lines.number
        if start and len(collected) <= MAX_LINES:
            collected.append(line)
    if collected:
        yield start, "".join(collected)


def bibtex_pairs(text: str) -> Pairs | None:
    """The key and the fields of an entry behind its brace; None where a value has no end."""
    key, _comma, rest = text.partition(",")
    pairs: Pairs = [("key", key.strip())] if "=" not in key else []
    place, body = 0, rest if pairs else text
    while match := FIELD.match(body, place):
        parsed = bibtex_value(body, match.end())
        if parsed is None:
            return None
        value, place = parsed
        name = match[1].lower()
        several = re.split(r"\s+and\s+", value) if name in ("author", "editor") else [value]
        several = re.split(r"\s*[,;]\s*", value) if name == "keywords" else several
        pairs += [(name, part) for part in several]
    return pairs if re.match(r"\s*,?\s*[})]", body[place:]) else None


def bibtex_value(text: str, start: int) -> tuple[str, int] | None:
    """(the value that begins there, the place behind it): in braces or quotes, a number or a name, joined by #."""
    parts: list[str] = []
    place = start
    while True:
        end = closing(text, place)
        if end is None:
            return None
        parts.append(text[place:end].strip())
        if (joined_by := re.compile(r"\s*#\s*").match(text, end)) is None:
            return plain_text(parts), end
        place = joined_by.end()


def closing(text: str, start: int) -> int | None:
    if text[start : start + 1] not in ("{", '"'):
        match = re.compile(r"[^\s,{}()#\"]+").match(text, start)
        return match.end() if match else None
    is_quoted, depth = text[start] == '"', 0
    for mark in MARKS.finditer(text, start):
        depth += (mark[0] == "{") - (mark[0] == "}")
        if mark[0] == '"' and is_quoted and depth == 0 and mark.start() > start:
            return mark.end()
        if not is_quoted and depth == 0 and mark[0] == "}":
            return mark.end()
    return None


def plain_text(parts: list[str]) -> str:
    bare = [part[1:-1] if part[:1] in ("{", '"') else part for part in parts]
    return " ".join(re.sub(r"(?<!\\)[{}]", "", " ".join(bare)).split())
