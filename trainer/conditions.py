"""Written conditions over the columns of rows, such as `age < 25 and city == "Bonn"`: parsed here, never evaluated as code. Light.

    condition := all ("or" all)*          all := part ("and" part)*
    part := "not" part | "(" condition ")" | COLUMN OPERATOR VALUE
    OPERATOR := == != < <= > >=           VALUE := number | "text" | 'text' | word

A column's name with blanks stands in `backticks`. A comparison with a missing cell is neither true nor false (Kleene 1952).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from trainer.columns import MISSING, canonical_label
from trainer.errors import UserError
from trainer.messages import Message, _
from trainer.numerals import NumberForm, number_of

LONGEST, DEEPEST = 500, 20
"""Characters of a condition, and parts within parts."""
TOKEN = re.compile(
    r"""\s*(?:(?P<operator>==|!=|<>|<=|>=|<|>|=)|(?P<bracket>[()])|`(?P<column>[^`]+)`"""
    r"""|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?![\w.]))|(?P<word>[\w.-]+))"""
)
SAME = {"=": "==", "<>": "!="}
ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda cell, value: cell < value,
    "<=": lambda cell, value: cell <= value,
    ">": lambda cell, value: cell > value,
    ">=": lambda cell, value: cell >= value,
}
Truth = bool | None
"""None: a cell that it takes is missing."""
Row = Mapping[str, str | None]


class Token(NamedTuple):
    kind: str
    text: str


@dataclass(frozen=True)
class Condition:
    """`columns`: those that it names; `holds` says of a row {column: cell} whether it is true."""

    text: str
    columns: tuple[str, ...]
    holds: Callable[[Row], Truth]


def parse(text: str, forms: Mapping[str, NumberForm]) -> Condition:
    """A condition over the columns of `forms`, {column: how its numbers are written}. Raises `UserError` with the code
    `bad_condition`, or `unknown_column`."""
    if len(text) > LONGEST:
        raise not_understood(text[:40] + "…")
    parser = Parser(tokens_of(text), forms)
    holds = parser.either(0)
    if parser.place < len(parser.tokens):
        raise not_understood(parser.tokens[parser.place].text)
    return Condition(text.strip(), tuple(dict.fromkeys(parser.columns)), holds)


def tokens_of(text: str) -> list[Token]:
    tokens, place = [], 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if match is None:
            raise not_understood(text[place:].strip()[:40])
        kind = str(match.lastgroup)
        tokens.append(Token("text" if kind in ("double", "single") else kind, match[kind]))
        place = match.end()
    return tokens


class Parser:
    """By recursive descent, at most `DEEPEST` parts deep."""

    def __init__(self, tokens: list[Token], forms: Mapping[str, NumberForm]) -> None:
        self.tokens, self.forms, self.place = tokens, forms, 0
        self.columns: list[str] = []

    def either(self, depth: int) -> Callable[[Row], Truth]:
        parts = [self.every(depth)]
        while self.takes("word", "or"):
            parts.append(self.every(depth))
        return parts[0] if len(parts) == 1 else lambda row: any_of([part(row) for part in parts])

    def every(self, depth: int) -> Callable[[Row], Truth]:
        parts = [self.part(depth)]
        while self.takes("word", "and"):
            parts.append(self.part(depth))
        return parts[0] if len(parts) == 1 else lambda row: all_of([part(row) for part in parts])

    def part(self, depth: int) -> Callable[[Row], Truth]:
        if depth > DEEPEST:
            raise not_understood("((…")
        if self.takes("word", "not"):
            inner = self.part(depth + 1)
            return lambda row: None if (truth := inner(row)) is None else not truth
        if self.takes("bracket", "("):
            whole = self.either(depth + 1)
            if not self.takes("bracket", ")"):
                raise not_understood("(")
            return whole
        return self.comparison()

    def takes(self, kind: str, text: str) -> bool:
        """Whether the next token is this one, which is then behind us."""
        here = self.tokens[self.place] if self.place < len(self.tokens) else None
        if here is None or here.kind != kind or here.text.lower() != text:
            return False
        self.place += 1
        return True

    def next(self, *kinds: str) -> Token:
        """The next token, one of these kinds."""
        if self.place >= len(self.tokens):
            raise not_understood(self.tokens[-1].text if self.tokens else "")
        token = self.tokens[self.place]
        if token.kind not in kinds:
            raise not_understood(token.text)
        self.place += 1
        return token

    def comparison(self) -> Callable[[Row], Truth]:
        column = self.next("column", "word", "text").text
        if column not in self.forms:
            raise unknown_column(column, list(self.forms))
        self.columns.append(column)
        operator = self.next("operator").text
        operator, value = SAME.get(operator, operator), self.next("number", "text", "word").text
        return compared(column, operator, value, self.forms[column])


def compared(column: str, operator: str, value: str, form: NumberForm) -> Callable[[Row], Truth]:
    number = plain_number(value)
    if operator in ORDERS:
        if number is None:
            raise UserError(
                _("“%(operator)s” needs a number, and “%(value)s” is none.", operator=operator, value=value[:40]),
                code="bad_condition",
                hint=_("Compare texts with == or !=."),
            )
        return lambda row: ordered(row.get(column), operator, number, form)
    is_wanted = operator == "=="
    return lambda row: None if (same := is_same(row.get(column), value, number, form)) is None else same is is_wanted


def ordered(cell: str | None, operator: str, number: float, form: NumberForm) -> Truth:
    """Of a cell that is not a number nothing is known."""
    value = None if is_missing(cell) else number_of(str(cell), **form)
    return None if value is None else ORDERS[operator](value, number)


def is_same(cell: str | None, value: str, number: float | None, form: NumberForm) -> Truth:
    if is_missing(cell):
        return None
    if number is not None and (own := number_of(str(cell), **form)) is not None:
        return own == number
    return canonical_label(str(cell)) == canonical_label(value)


def is_missing(cell: str | None) -> bool:
    return cell is None or cell.strip().lower() in MISSING


def plain_number(text: str) -> float | None:
    try:
        return float(text) if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)", text) else None
    except ValueError:
        return None


def any_of(truths: list[Truth]) -> Truth:
    return True if True in truths else None if None in truths else False


def all_of(truths: list[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def not_understood(part: str) -> UserError:
    message = (
        _("The condition is not understood at “%(part)s”.", part=part[:40]) if part else _("There is no condition.")
    )
    return UserError(message, code="bad_condition", hint=how_to_write())


def how_to_write() -> Message:
    return _(
        'Write it like age < 25 or city == "Bonn", joined by and, or, not. A name with blanks stands in `backticks`.'
    )


def unknown_column(name: str, names: list[str]) -> UserError:
    return UserError(
        _("There is no column “%(name)s”.", name=name[:60]),
        code="unknown_column",
        hint=_("The columns are: %(names)s.", names=", ".join(names[:30])),
    )
