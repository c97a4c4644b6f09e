"""Personal data in a column of texts: found by rules, masked, or replaced by stand-ins that belong to nobody.

Arrow looks through the whole column for cells that might hold something; only those are checked exactly. What is found
is never logged and never part of a message.
"""

import functools
import re
from collections.abc import Callable, Iterator
from itertools import compress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import is_missing
from trainer.data.cells import SLICE_ROWS, select_cells
from trainer.data.personal import (
    FINDERS,
    KINDS,
    Hints,
    Span,
    blank_out,
    claim_spans,
    find_spans,
    is_card,
    is_person,
    narrow,
    rewrite_spans,
)
from trainer.data.personal_patterns import (
    ASKED,
    IP_WORD,
    LANGUAGES,
    NAME_COLUMNS,
    PHONE_COLUMN,
    PREFILTERS,
    VAGUE,
    WIDE,
)
from trainer.data.problems import Problem, fix_of, shorten
from trainer.data.problems import problem as finding
from trainer.data.pseudonyms import make_stand_in
from trainer.data.row_keys import shuffle_keys
from trainer.messages import Message, _, joined, ngettext

HEAVY = ("iban", "id", "card", "phone")
"""Kinds whose exact check takes up to 100 µs; their counts are scaled up from SAMPLE cells where more might hold one."""
SAMPLE = 20_000
LIGHT_SAMPLE = 100_000
"""The same for the other kinds, which take some 10 µs."""
REMEMBERED = 10_000
"""Stand-ins kept at hand for those that come again, while one column is gone through."""
MAX_BYTES = 20_000_000
"""Of a column with more text than this, rows are drawn and every count is scaled."""
MAX_BYTES_CHECKED = 10_000_000
"""Bytes of text that the exact check of a kind goes through, at up to 1 µs each: fewer cells where they are long."""
GLANCE = 200
"""Cells that tell what language a column is in and what its numbers are."""
ANYTHING = r"[@:\s\x{a0}]|[^\x00-\x7f]|[0-9](?:[^0-9]*[0-9]){6}|\..*\."
"""A mail address has its mark, a name and the word before a number a blank, an IP address two dots or a colon; all others have seven
digits or more."""
FEW_NUMBERS = 20
"""A column with that many long numbers of which most fail as cards holds numbers of another kind: 1 in 10 would pass by chance."""
KIND_NAMES = {
    "email": _("email addresses"),
    "phone": _("phone numbers"),
    "card": _("card numbers"),
    "iban": _("IBANs"),
    "id": _("national identity numbers"),
    "ip": _("IP addresses"),
    "name": _("names"),
}
FIXES = (("mask_personal", _("Mask")), ("pseudonymise_personal", _("Replace with fake data")))
RULES = _("names are found by simple rules and some will be missed.")


class Estimate(int):
    """A count scaled up from a sample."""


def find_personal_data(name: str, column: pa.ChunkedArray) -> dict[str, int]:
    """{kind: rows that hold at least one}; a count scaled up from a sample is an `Estimate`."""
    if not may_be_personal(name, column):
        return {}
    hints = guess_hints(name, column)
    share = min(MAX_BYTES / max(column.nbytes, 1), 1.0)
    if share < 1:
        chosen = np.zeros(len(column), dtype=bool)
        chosen[draw_rows(np.arange(len(column)), max(int(len(column) * share), 1))] = True
        column = column.filter(pa.array(chosen))  # `take` would copy the whole column first
    affordable = MAX_BYTES_CHECKED * len(column) // max(column.nbytes, 1) + 1
    might = {kind: might_hold(column, kind, hints).to_numpy() for kind in KINDS}
    counts: dict[str, int] = {}
    for kinds in (HEAVY, *((kind,) for kind in KINDS if kind not in HEAVY)):
        few = {
            kind: draw_rows(np.flatnonzero(might[kind]), min(SAMPLE if kind in HEAVY else LIGHT_SAMPLE, affordable))
            for kind in kinds
        }
        looked = np.unique(np.concatenate(list(few.values())))
        possible = zip(*(might[kind][looked].tolist() for kind in KINDS), strict=True)
        kinds_found = [
            kinds_in(text, kinds, hints, frozenset(compress(KINDS, flags)))
            for text, flags in zip(cells_at(column, looked), possible, strict=True)
        ]
        for kind in kinds:
            hits = int(np.isin(looked[[kind in cell_kinds for cell_kinds in kinds_found]], few[kind]).sum())
            if hits:
                counts[kind] = scale_count(hits, int(might[kind].sum()) / len(few[kind]) / share)
    return {kind: counts[kind] for kind in KINDS if kind in counts}


def may_be_personal(name: str, column: pa.ChunkedArray) -> bool:
    """Whether any cell may hold anything, by what all kinds have in common: quick to tell of numbers and short words."""
    title = split_name(name)
    if title in NAME_COLUMNS or any(rule.context.search(title) for rule in ASKED.values()):
        return True
    slices = (column.slice(start, SLICE_ROWS) for start in range(0, len(column), SLICE_ROWS))
    return any(pc.any(pc.match_substring_regex(cells, ANYTHING)).as_py() for cells in slices)


def kinds_in(text: str, kinds: tuple[str, ...], hints: Hints, possible: frozenset[str]) -> set[str]:
    """Which of the kinds a cell holds, of those that it may hold (`possible`); what an earlier kind has claimed is not looked at
    again."""
    kinds_held = set()
    for kind in KINDS[: KINDS.index(kinds[-1])] if len(kinds) > 1 else ():
        if kind in possible and (mine := claim_spans(text, kind, hints)):
            text = rewrite_spans(text, mine, blank_out)
            kinds_held.add(kind)
    if kinds[-1] in possible and next(FINDERS[kinds[-1]](text, hints), None):
        kinds_held.add(kinds[-1])
    return kinds_held


def cells_at(column: pa.ChunkedArray, rows: np.ndarray) -> Iterator[str]:
    for start in range(0, len(rows), SLICE_ROWS):
        yield from column.take(pa.array(rows[start : start + SLICE_ROWS])).to_pylist()


def scale_count(hits: int, factor: float) -> int:
    return hits if factor == 1 else Estimate(float(f"{hits * factor:.2g}"))


def draw_rows(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, in order; from other rows mostly the same ones, which are then looked at once."""
    if len(rows) <= most:
        return rows
    return np.sort(rows[np.argpartition(shuffle_keys(rows.astype(np.uint64), 0), most)[:most]])


def might_hold(cells: pa.Array | pa.ChunkedArray, kind: str, hints: Hints) -> pa.Array | pa.ChunkedArray:
    """True for each cell of an array, chunked or not, that may hold one."""
    if kind == "name" and hints.names:
        return pc.is_valid(cells)
    pattern = "[0-9]" if kind == "id" and hints.ids else PREFILTERS[kind]
    return pc.fill_null(pc.match_substring_regex(cells, f"{pattern}|{WIDE}"), False)


def guess_hints(name: str, column: pa.ChunkedArray) -> Hints:
    """What the column's name and GLANCE of its cells say about what may be in it."""
    places = np.unique(np.linspace(0, len(column) - 1, min(GLANCE, len(column))).astype(np.int64))
    cells = [cell.strip()[:500] for cell in select_cells(column, places) if not is_missing(cell)]
    text, title = "\n".join(cells), split_name(name)
    local = tuple(region for region, signs in LANGUAGES.items() if signs.search(f"{title}\n{text}"))
    bare = [cell for cell in cells if re.fullmatch("[0-9]{13,19}", cell)]
    return Hints(
        regions=(*local, "US", "GB"),
        phones=PHONE_COLUMN.search(title) is not None,
        addresses=IP_WORD.search(title) is not None,
        ids=frozenset(country for country, rule in ASKED.items() if rule.context.search(title)),
        bare_cards="card" in title or len(bare) < FEW_NUMBERS or sum(map(is_card, bare)) > 0.5 * len(bare),
        names=which_names(title, cells),
    )


def split_name(name: str) -> str:
    """firstName and first_name as “first name”."""
    return re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip().lower()


def which_names(title: str, cells: list[str]) -> str:
    if title not in NAME_COLUMNS:
        return ""
    alike = sum(is_person(cell) and not cell[0].islower() for cell in cells)
    return NAME_COLUMNS.get(title, "") if title not in VAGUE or alike >= 0.8 * len(cells) else ""


def personal_data_problems(counts_by_column: dict[str, dict[str, int]]) -> list[Problem]:
    """One finding over all columns, none where nothing was found; `found`: {column: what `find_personal_data` returned}."""
    counts_by_column = {name: counts for name, counts in counts_by_column.items() if counts}
    if not counts_by_column:
        return []
    parts = [
        _("“%(column)s” contains %(what)s", column=shorten(name), what=describe_counts(counts))
        for name, counts in list(counts_by_column.items())[:6]
    ]
    if len(counts_by_column) > 6:
        parts.append(
            ngettext(
                "%(count)s more column contains some", "%(count)s more columns contain some", len(counts_by_column) - 6
            )
        )
    examples = [
        f"{shorten(name)}: {' '.join(f'⟨{kind}⟩' for kind in counts)}" for name, counts in counts_by_column.items()
    ]
    count = sum(sum(counts.values()) for counts in counts_by_column.values())
    warning = finding("personal_data", "warning", joined([*parts, RULES], "; "), (), examples, FIXES[0], count)
    return [warning | {"columns": list(counts_by_column), "fixes": [fix_of(*fix) for fix in FIXES]}]


def describe_counts(counts: dict[str, int]) -> Message:
    parts = [
        ngettext("%(kind)s in about %(count)s row", "%(kind)s in about %(count)s rows", count, kind=KIND_NAMES[kind])
        if isinstance(count, Estimate)
        else ngettext("%(kind)s in %(count)s row", "%(kind)s in %(count)s rows", count, kind=KIND_NAMES[kind])
        for kind, count in counts.items()
    ]
    return joined(parts, ", ")


def mask_column(column: pa.ChunkedArray, name: str = "") -> pa.ChunkedArray:
    """Each find as ⟨email⟩, ⟨phone⟩ and so on. Without the column's name, what only the name gives away stays."""
    return replace_matches(column, name, lambda span, _text: f"⟨{span.kind}⟩")


def pseudonymise_column(column: pa.ChunkedArray, secret: bytes, name: str = "") -> pa.ChunkedArray:
    """Each find as a stand-in that is nobody's. One secret gives the same stand-in for the same find, in any column."""
    if not secret:
        raise ValueError("Without a secret anybody could work out who a stand-in stands for.")
    made = functools.lru_cache(REMEMBERED)(functools.partial(make_stand_in, secret))
    return replace_matches(column, name, lambda span, text: made(span.kind, span.key, narrow(text)))


def replace_matches(column: pa.ChunkedArray, name: str, new: Callable[[Span, str], str]) -> pa.ChunkedArray:
    """Every cell that may hold something is looked at, however many: nothing is left to a sample."""
    hints = guess_hints(name, column)
    chunks = []
    for start in range(0, len(column), SLICE_ROWS):
        cells = pa.concat_arrays(column.slice(start, SLICE_ROWS).chunks)
        chosen = functools.reduce(pc.or_, (might_hold(cells, kind, hints) for kind in KINDS))
        texts = [rewrite_spans(text, find_spans(text, hints), new) for text in cells.filter(chosen).to_pylist()]
        chunks.append(pc.replace_with_mask(cells, chosen, pa.array(texts, cells.type)))
    return pa.chunked_array(chunks, column.type)
