"""The dialect of a text table: what parts its fields, what encloses them, and how a mark inside one is written.

Found by content: each candidate reads the same sample, and the one that reads most records at one width wins. Marks of several
characters (`||`, `::`, `~|~`) stand for one character while a line is read.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
RARE = {"^": "caret", "~": "tilde", "\x01": "ctrl-a", "\x1f": "unit-separator", "¦": "broken-bar", "§": "section"}
LONG = ("~|~", "|~|", "|;|", "||", "::", ";;", "~~", "^^", "##", "@@", "$$", "<>", "=>", "\t|\t")
SPACES = "  "
"""Two blanks or more, as in tables whose columns are lined up."""
SENTENCE_GAP = re.compile(r"(\S)  +\S")
LONG_MARK = re.compile(r"(?<=[\w\"'])( ?(?:[^\w\s\"'.,()\[\]{}/\\-]{2,7}|-{3,5}|-+>) ?)(?=[\w\"'])")
STAND_IN = "\x1f"
"""What a mark of several characters becomes."""
SAMPLE_RECORDS = 200
NAMES = DELIMITERS | RARE | {mark: mark for mark in LONG} | {SPACES: "spaces", " ": "blank"}
SHARE_OF_HEADER, SHARE_OF_WIDTH = 0.1, 0.02


ESCAPED = re.compile(r"\\[\\ntr]")
ESCAPES = {r"\n": "\\\n", r"\t": "\\\t", r"\r": "\\\r"}
"""Line ends and tabs as databases write them inside fields (PostgreSQL's COPY, MySQL), as the csv module can read them."""


@dataclass(frozen=True)
class Dialect:
    """`delimiter` as the file has it; `quote` "" where nothing encloses fields; `escape` is a backslash or ""."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    spaced: bool = False
    """Whether a blank stands between a delimiter and an opening quotation mark."""
    wrapped: bool = False
    """Whether each line as a whole is enclosed, as a spreadsheet writes lines that it took for one cell."""
    curly: bool = False
    """Whether curly quotation marks enclose fields."""
    bordered: bool = False
    """Whether a delimiter stands at both ends of a line too, as in tables of Markdown and of database consoles."""

    @property
    def mark(self) -> str:
        """The delimiter as one character, as it stands in `prepare`d lines."""
        return self.delimiter if len(self.delimiter) == 1 else STAND_IN

    @property
    def name(self) -> str:
        return NAMES.get(self.delimiter, self.delimiter)

    def prepare(self, line: str) -> str:
        """A line as the csv module can read it: one character a delimiter; MySQL's \\N, which is not an escaped N, as nothing."""
        if self.wrapped:
            line = WRAPPED.sub(lambda match: match[1].replace('""', '"') + "\n", line)
        if self.curly:
            line = straighten(line, self.delimiter)
        if self.bordered:
            line = re.sub(r"[ \t]*\|[ \t]*", "|", line.strip()).removeprefix("|").removesuffix("|") + "\n"
        if self.delimiter == " ":
            line = line if '"' in line else re.sub(" +", " ", line.strip(" "))
        elif self.delimiter == SPACES:
            line = re.sub(r"(?<=\S) {2,}(?=\S)", STAND_IN, line.replace(STAND_IN, " ").strip())
        elif len(self.delimiter) > 1:
            line = line.replace(STAND_IN, " ").replace(self.delimiter, STAND_IN)
        if self.escape and "\\N" in line:
            mark = re.escape(self.mark)
            line = re.sub(rf"(?:(?<=^)|(?<={mark}))\\N(?={mark}|[\r\n]|$)", "", line)
        if self.escape and "\\" in line:
            line = ESCAPED.sub(lambda match: ESCAPES.get(match[0], match[0]), line)
        return line

    @property
    def is_plain(self) -> bool:
        """Whether lines need no preparing."""
        return (
            len(self.delimiter) == 1
            and self.delimiter != " "
            and not (self.escape or self.bordered or self.wrapped or self.curly)
        )

    def reader(self, lines: Iterable[str], strict: bool = True) -> Iterator[list[str]]:
        """`strict`: a mark that closes a field and is not followed by a delimiter raises `csv.Error`."""
        return csv.reader(
            lines,
            delimiter=self.mark,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape or None,
            skipinitialspace=self.spaced,
            strict=strict,
        )

    def split(self, text: str) -> tuple[list[str], bool]:
        """Fields of a record whose marks are not written as they should be, and whether each that was opened is closed: a mark
        closes a field only before a delimiter or the end; any other one is a character."""
        fields: list[str] = []
        text = text.rstrip("\r\n")
        place = 0
        while place <= len(text):
            start = place
            while self.spaced and text[start : start + 1] == " ":
                start += 1
            if self.quote and text[start : start + 1] == self.quote:
                end = self.closing(text, start + 1)
                if end < 0:
                    return fields, False
                field = text[start + 1 : end].replace(self.quote * 2, self.quote)
                fields.append(re.sub(r"\\(.)", r"\1", field, flags=re.DOTALL) if self.escape else field)
                place = end + 2
            else:
                end = text.find(self.mark, place)
                end = len(text) if end < 0 else end
                fields.append(text[place:end])
                place = end + 1
        return fields, True

    def closing(self, text: str, place: int) -> int:
        """Where the mark stands that closes a field, from `place` on; -1 for nowhere."""
        while (end := text.find(self.quote, place)) >= 0:
            after = text[end + 1 : end + 2]
            if self.escape and escaped(text, end):
                place = end + 1
            elif after == self.quote and text[end + 2 : end + 3] not in (self.mark, ""):
                place = end + 2
            elif after in (self.mark, ""):
                return end
            else:
                place = end + 1
        return -1


def escaped(text: str, place: int) -> bool:
    """Whether an odd number of backslashes stands in front."""
    backslashes = place - len(text[:place].rstrip("\\"))
    return backslashes % 2 == 1


RULER = re.compile(r"[\s|+:=─-]*[-=─]{2}[\s|+:=─-]*")
"""A line of dashes, as consoles and Markdown draw it between a header and its rows."""


def between_sentences(sample: str) -> bool:
    """Whether two blanks stand behind full stops, as some people type them, and part no columns."""
    gaps = SENTENCE_GAP.findall(sample)
    return sum(before in ".!?…" for before in gaps) > 0.5 * len(gaps)


WRAPPED = re.compile(r'[ \t]*"((?:[^"]|"")*)"[ \t]*\r?\n?')
CURLY = re.compile(r"(?:^|[,;\t|])[ ]?[“„][^“”„\n]*[”“](?=[ ]*(?:[,;\t|\r\n]|$))", re.MULTILINE)
BLANKS = re.compile(r'"[^"]*"(?: "[^"]*")+')
"""A line of enclosed fields with one blank between them, as R writes tables."""


def straighten(line: str, delimiter: str) -> str:
    """A line whose fields are enclosed by curly marks, with straight ones in their place."""
    mark = re.escape(delimiter)
    line = re.sub(rf"(^|{mark})[ ]?[“„]", r'\1"', line.replace('"', "'"))
    return re.sub(rf"[”“][ ]*(?={mark}|[\r\n]|$)", '"', line)


def unwrapped(sample: str) -> str | None:
    """The sample without the marks around its lines, where each of them is enclosed as a whole and holds several fields."""
    lines = [line for line in sample.splitlines()[:SAMPLE_RECORDS] if line.strip()]
    inner = [match[1].replace('""', '"') for line in lines[:-1] or lines if (match := WRAPPED.fullmatch(line))]
    if len(inner) < 3 or len(inner) < len(lines[:-1]):
        return None
    return "\n".join(inner) if any(parts_evenly(inner, mark) for mark in DELIMITERS) else None


def parts_evenly(lines: list[str], mark: str) -> bool:
    """Whether a delimiter parts all lines into as many fields, and is not a comma of a sentence, behind which a blank stands."""
    rows = list(csv.reader(lines, delimiter=mark))
    return (
        len({len(row) for row in rows}) == 1
        and len(rows[0]) > 1
        and not any(field[:1] == " " for row in rows for field in row[1:])
    )


def find_dialect(sample: str) -> tuple[Dialect, list[tuple[float, Dialect]]]:
    """The likeliest dialect, and all candidates with their scores, the best first; lines that are enclosed as a whole, or whose
    fields are by curly marks, are read without these."""
    if (inner := unwrapped(sample)) is not None:
        dialect, candidates = plain_dialect(inner)
        return replace(dialect, wrapped=True), [(score, replace(made, wrapped=True)) for score, made in candidates]
    if len(CURLY.findall(sample)) > 5 and '"' not in sample:
        dialect, candidates = plain_dialect(straighten_all(sample))
        return replace(dialect, curly=True), [(score, replace(made, curly=True)) for score, made in candidates]
    return plain_dialect(sample)


def straighten_all(sample: str) -> str:
    return "\n".join(straighten(line, mark) for line in sample.splitlines() for mark in [likely_mark(line)])


def likely_mark(line: str) -> str:
    """The delimiter beside a curly mark of a line."""
    match = re.search(r"[”“][ ]*([,;\t|])|([,;\t|])[ ]?[“„]", line)
    return (match[1] or match[2]) if match else ","


def plain_dialect(sample: str) -> tuple[Dialect, list[tuple[float, Dialect]]]:
    """The same of lines as they stand."""
    quote, escape = find_quote(sample), ""
    candidates = []
    for delimiter in [
        *DELIMITERS,
        *(mark for mark in (*RARE, *LONG, *long_marks(sample)) if mark in sample and not is_run(mark, sample)),
    ]:
        if delimiter == "|" and is_bordered(sample):
            candidates.append((score_of(sample, made := Dialect("|", "", bordered=True)) + SHARE_OF_HEADER, made))
            continue
        dialect = Dialect(delimiter, quote, escape)
        escapes = [escape, "\\"] if has_escapes(sample, quote, dialect.delimiter) else [escape]
        scored = [
            (score_of(sample, made), made)
            for made in (Dialect(delimiter, quote, mark, is_spaced(sample, delimiter)) for mark in escapes)
        ]
        candidates.append(max(scored, key=lambda pair: (pair[0], bool(pair[1].escape))))
    if BLANKS.fullmatch(sample.lstrip().partition("\n")[0].strip()):
        candidates.append((score_of(sample, made := Dialect(" ", quote)), made))
    elif max(score for score, _made in candidates) <= 0 and parts_by_blanks(sample):
        candidates.append((1.0, Dialect(" ", "")))
    if max(score for score, _made in candidates) < 0.9 and SPACES in sample:
        lined_up = Dialect(SPACES, "")
        score = 0.0 if between_sentences(sample) else score_of(sample, lined_up)
        candidates.append((score if score >= 1 else 0.0, lined_up))
    candidates.sort(key=lambda pair: -pair[0])
    long = [
        pair
        for pair in candidates
        if len(pair[1].delimiter) > 1 and pair[0] >= candidates[0][0] - 0.15 and pair[0] > 0.9
    ]
    if long:  # each of its characters splits the lines as evenly
        best = max(long, key=lambda pair: (pair[0], len(pair[1].delimiter)))
        candidates.remove(best)
        candidates = [best, *(pair for pair in candidates if not set(pair[1].delimiter) <= set(best[1].delimiter))]
    if candidates[0][0] <= 0:
        return Dialect(",", quote, escape, is_spaced(sample, ",")), []
    return candidates[0][1], [pair for pair in candidates if pair[0] > 0]


def parts_by_blanks(sample: str) -> bool:
    """Whether blanks part all lines into as many fields, half of them numbers: columns of measurements, as older tools write
    them, and no sentences."""
    lines = [line.split() for line in sample.splitlines()[: SAMPLE_RECORDS + 1] if line.strip()]
    lines = lines[:-1] if len(lines) > SAMPLE_RECORDS else lines
    if len(lines) < 5 or len({len(fields) for fields in lines}) > 1 or len(lines[0]) < 3:
        return False
    cells = [field for fields in lines[1:] for field in fields]
    return sum(NUMBER.fullmatch(cell) is not None for cell in cells) >= 0.5 * len(cells)


NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def is_run(mark: str, sample: str) -> bool:
    """Whether a mark of one repeated character is only empty fields between single ones: `a;b;;;`."""
    if len(mark) < 2 or len(set(mark)) > 1:
        return False
    runs = re.findall(f"{re.escape(mark[0])}+", sample[:20_000])
    return any(len(run) % len(mark) for run in runs)


def find_quote(sample: str) -> str:
    """The mark that encloses fields: a single one only where it stands around many fields and no double one does."""
    double = len(re.findall(r'(?:^|[,;\t|])\s?"|"(?=[,;\t|\r\n])', sample, re.MULTILINE))
    single = len(re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n])", sample, re.MULTILINE))
    return "'" if single > 20 and not double else '"'


def is_spaced(sample: str, delimiter: str) -> bool:
    return sample.count(f'{delimiter} "') > 5 * sample.count(f'{delimiter}"')


def long_marks(sample: str) -> list[str]:
    """Marks of several characters between the words of the first line that stand in every later one as often, such as `|+|`."""
    first, *later = [line for line in sample.splitlines()[:20] if line.strip()] or [""]
    marks = dict.fromkeys(LONG_MARK.findall(first))
    return [
        mark
        for mark in marks
        if mark not in LONG and later and all(line.count(mark) == first.count(mark) for line in later[:-1])
    ]


def is_bordered(sample: str) -> bool:
    lines = [line.strip() for line in sample.splitlines()[:SAMPLE_RECORDS] if line.strip()]
    lines = [line for line in lines[:-1] or lines if not RULER.fullmatch(line)]
    ended = sum(len(line) > 2 and line[0] == line[-1] == "|" for line in lines)
    return len(lines) > 1 and ended >= 0.9 * len(lines)


def has_escapes(sample: str, quote: str, delimiter: str) -> bool:
    """Whether a mark inside a field may be written behind a backslash, rather than doubled."""
    return (
        re.search(
            rf"\\{quote}(?!{quote}|{re.escape(delimiter)}|[\r\n]|$)|\\\r?\n|(?:^|{re.escape(delimiter)})\\N(?={re.escape(delimiter)}|[\r\n])",
            sample,
        )
        is not None
    )


def score_of(sample: str, dialect: Dialect) -> float:
    """Share of the records that have the usual width, where that is more than one field; a little more for a first record of
    that width, and for more fields."""
    widths = [len(row) for row in sample_records(sample, dialect)]
    if not widths:
        return 0.0
    usual, count = max(Counter(widths).items(), key=lambda pair: (pair[1], pair[0]))
    first = widths[0]
    if usual < 2 and first < 2:
        return 0.0
    even = count / len(widths) if usual > 1 else 0.0
    header = sum(width == first for width in widths) / len(widths) if first > 1 else 0.0
    width = usual if even >= header else first
    return max(even, header) + SHARE_OF_HEADER * (first == width) + SHARE_OF_WIDTH * min(width, 5)


def sample_records(sample: str, dialect: Dialect, most: int = SAMPLE_RECORDS) -> list[list[str]]:
    """The first records, blank lines left out. A line on which a field is opened and never closed is read by itself."""
    lines = [dialect.prepare(line) for line in sample.splitlines(keepends=True)]
    rows: list[list[str]] = []
    place = 0
    while place < len(lines) and len(rows) < most:
        taken = [0]

        def feed(start: int = place, taken: list[int] = taken) -> Iterator[str]:
            for line in islice(lines, start, start + 200):
                taken[0] += 1
                yield line

        try:
            row = next(dialect.reader(feed()), [])
        except csv.Error:
            row, is_closed = dialect.split(lines[place])
            row, taken[0] = row if is_closed else lines[place].split(dialect.mark), 1
        place += max(taken[0], 1)
        if any(cell.strip() for cell in row):
            rows.append(row)
    return rows
