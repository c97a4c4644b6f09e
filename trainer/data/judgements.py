"""A collection for search in three kinds of files: texts, queries, and which text answers which query (the layout of BEIR). They are
read as one table of queries with their texts; texts that nobody judged follow, since a search goes through them too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from trainer.data.exports.known import fold_name
from trainer.data.readings import LeftOut, Reading
from trainer.data.several_tables import Several
from trainer.data.tables.table import BATCH_ROWS, Columns, Table
from trainer.messages import Message, _, ngettext

QUERY, DOCUMENT, RELEVANCE = NAMES = ("query", "document", "relevance")
QUERY_IDS = ("query_id", "qid", "topic_id", "question_id")
TEXT_IDS = ("corpus_id", "doc_id", "docid", "document_id", "did", "pid", "passage_id", "docno")
GAINS = ("score", "relevance", "rel", "grade", "label")
OWN_IDS = ("id", *QUERY_IDS, *TEXT_IDS)
TEXTS = ("text", "document", "passage", "contents", "content", "body", "query", "question")
QUERY_WORDS = ("quer", "question", "topic")
EXAMPLES = 3


@dataclass
class Kept:
    """Texts by their id, how often an id came again, and how many rows had no id or no text."""

    texts: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    blank: int = 0


def column_of(table: Table, names: Sequence[str]) -> int | None:
    """The place of the first of these columns that a table has, however it is spelled."""
    folded = [fold_name(name) for name in table.columns]
    return next((folded.index(name) for name in names if name in folded), None)


def is_judging(table: Table) -> bool:
    return column_of(table, QUERY_IDS) is not None and column_of(table, TEXT_IDS) is not None


def is_texts(table: Table) -> bool:
    return column_of(table, OWN_IDS) is not None and column_of(table, TEXTS) is not None


def join_judgements(tables: list[Table], parts: list[str | None]) -> Several | None:
    """The tables as one of queries and texts; None where they are no such collection."""
    judging = [table for table in tables if is_judging(table) and column_of(table, TEXTS) is None]
    others = [table for table in tables if not any(table is judge for judge in judging)]
    asking = [table for table in others if is_asking(table)]
    searched = [table for table in others if not any(table is asked for asked in asking)]
    if not judging or not asking or not searched or not all(map(is_texts, others)):
        return None
    queries, texts = kept_of(asking), kept_of(searched)
    part_of = {id(table): part for table, part in zip(tables, parts, strict=True)}
    used: tuple[set[str], set[str]] = (set(), set())
    made = [pairs_table(table, queries, texts, used) for table in judging]
    rest = rest_table(searched[0], texts, queries, used)
    several = Several([*made, rest], [*(part_of[id(table)] for table in judging), None], list(range(len(made) + 1)))
    several.readings.append(reading_of(searched, asking, judging))
    for side, listed in ((queries, asking), (texts, searched)):
        if side.repeated:
            several.left_out.append(
                LeftOut("repeated_ids", side.repeated, repeated_words(side.repeated), listed[0].name)
            )
        if side.blank:
            several.left_out.append(LeftOut("blank_texts", side.blank, blank_words(side.blank), listed[0].name))
    return several


def is_asking(table: Table) -> bool:
    name = table.name.rpartition("/")[2].lower()
    return any(word in name for word in QUERY_WORDS) or column_of(table, ("query", "question")) is not None


def reading_of(searched: list[Table], asking: list[Table], judging: list[Table]) -> Reading:
    sentence = _(
        "%(texts)s is searched by the queries of %(queries)s, and %(judgements)s says which texts answer them",
        texts=", ".join(table.name for table in searched),
        queries=", ".join(table.name for table in asking),
        judgements=", ".join(table.name for table in judging),
    )
    return Reading("judgements", "join", sentence, (), 0.95)


def rows_of(table: Table) -> Iterator[list[str | None]]:
    for batch in table.batches:
        for cells in zip(*batch, strict=True):
            yield list(cells)


def kept_of(tables: list[Table]) -> Kept:
    """The title before the text, where there is one."""
    texts_of_side = Kept()
    for table in tables:
        own, text, title = column_of(table, OWN_IDS), column_of(table, TEXTS), column_of(table, ("title",))
        assert own is not None, "a table of texts has ids"
        assert text is not None, "a table of texts has them"
        for cells in rows_of(table):
            name, words = (cells[own] or "").strip(), (cells[text] or "").strip()
            head = (cells[title] or "").strip() if title is not None else ""
            if head and not words.startswith(head):
                words = f"{head}\n{words}".strip()
            if name in texts_of_side.texts:
                texts_of_side.repeated += 1
            elif name and words:
                texts_of_side.texts[name] = words
            else:
                texts_of_side.blank += 1
    return texts_of_side


def pairs_table(table: Table, queries: Kept, texts: Kept, used: tuple[set[str], set[str]]) -> Table:
    """The judgements of one file with the texts in place of their ids; those of unknown ids are left out and named by line."""
    query, text, gain = column_of(table, QUERY_IDS), column_of(table, TEXT_IDS), column_of(table, GAINS)
    assert query is not None, "judgements are of queries"
    assert text is not None, "judgements are of texts"
    made = Table(table.name, table.format, list(NAMES), iter(()), table.bytes, table.details, table.bad)
    made.suggested = {"first": QUERY, "second": DOCUMENT, "score": RELEVANCE}
    made.readings, made.left_out = table.readings, list(table.left_out)
    left = LeftOut("unknown_ids", 0, unknown_words(0), table.name, "", [])
    again = LeftOut("repeated_judgements", 0, again_words(0), table.name)

    def pairs() -> Iterator[tuple[str, str, str]]:
        seen: set[tuple[str, str]] = set()
        for line, cells in enumerate(rows_of(table), 1):
            names = (cells[query] or "").strip(), (cells[text] or "").strip()
            if names[0] not in queries.texts or names[1] not in texts.texts:
                place = 0 if names[0] not in queries.texts else 1
                if not left.count:
                    made.left_out.append(left)
                left.count += 1
                left.sentence = unknown_words(left.count)
                left.examples = [*left.examples, f"row {line}: {names[place]}"][:EXAMPLES]
            elif names not in seen:
                seen.add(names)
                used[0].add(names[0])
                used[1].add(names[1])
                judged = (cells[gain] or "") if gain is not None else "1"
                yield queries.texts[names[0]], texts.texts[names[1]], judged
            else:
                again.count += 1
        if again.count:
            again.sentence = again_words(again.count)
            made.left_out.append(again)

    made.batches = batched(pairs())
    return made


def rest_table(table: Table, texts: Kept, queries: Kept, used: tuple[set[str], set[str]]) -> Table:
    """The texts that no judgement names; read after all judgements, so that it is known which queries have none."""
    made = Table(table.name, table.format, list(NAMES), iter(()), table.bytes, table.details, table.bad)
    made.readings, made.left_out = table.readings, list(table.left_out)

    def rest() -> Iterator[tuple[str | None, str, str | None]]:
        for name, text in texts.texts.items():
            if name not in used[1]:
                yield None, text, None
        if unjudged := len(queries.texts) - len(used[0]):
            made.left_out.append(LeftOut("unjudged_queries", unjudged, unjudged_words(unjudged), table.name))

    made.batches = batched(rest())
    return made


def batched(rows: Iterator[tuple[str | None, ...]]) -> Iterator[Columns]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield list(zip(*batch, strict=True))


def unjudged_words(count: int) -> Message:
    return ngettext(
        "%(count)s query has no text that answers it: add a judgement, or leave it out.",
        "%(count)s queries have no text that answers them: add judgements, or leave them out.",
        count,
    )


def unknown_words(count: int) -> Message:
    return ngettext(
        "%(count)s judgement names a query or a text that there is not: add it, or correct the id.",
        "%(count)s judgements name a query or a text that there is not: add them, or correct the ids.",
        count,
    )


def blank_words(count: int) -> Message:
    return ngettext(
        "%(count)s row has no id or no text: no judgement can name it.",
        "%(count)s rows have no id or no text: no judgement can name them.",
        count,
    )


def again_words(count: int) -> Message:
    return ngettext(
        "%(count)s judgement came again: the first of each query and text is read.",
        "%(count)s judgements came again: the first of each query and text is read.",
        count,
    )


def repeated_words(count: int) -> Message:
    return ngettext(
        "%(count)s id came again, with another text: the first is read.",
        "%(count)s ids came again, with other texts: the first are read.",
        count,
    )
