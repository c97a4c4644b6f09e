"""Text tables as people's tools write them: marks never closed, doubled or behind a backslash, delimiters of any kind, titles
above and totals below, headers in several rows or none."""

import random
from pathlib import Path

import pytest

from trainer.data.gathering import gather_rows
from trainer.data.tables.formats import open_table
from trainer.events import silent

WORDS = [
    "the",
    "staff",
    "was",
    "charming",
    "and",
    "lobby",
    "quick",
    "we",
    "stayed",
    "nights",
    "in",
    "June",
    "spring",
    "autumn",
]
DRAW = random.Random(1)
ROWS = [
    (number, " ".join(DRAW.choice(WORDS) for _word in range(9)), DRAW.choice(("good", "bad", "fair")))
    for number in range(60)
]
Q, BACK = '"', "\\"


def lines(form: str) -> str:
    return "".join(form.format(i=number, t=text, l=label) + "\n" for number, text, label in ROWS)


def read(folder: Path, content: str, name: str = "a.csv") -> tuple[list[str], list[tuple[str, ...]], dict[str, int]]:
    """Columns, rows, and what was left out by reason."""
    (folder / name).write_text(content, "utf-8", newline="")
    dataset, _parts = gather_rows([open_table(folder / name)], [None], silent)
    rows = [tuple(row.values()) for row in dataset.table.to_pylist()]
    return dataset.names, rows, {entry["reason"]: entry["count"] for entry in dataset.left_out}


HEADER = "id,text,label\n"
PLAIN = [(str(number), text, label) for number, text, label in ROWS]


@pytest.mark.parametrize(
    ("content", "left_out"),
    [
        pytest.param(HEADER + lines('{i},"{t},{l}'), {}, id="every mark opens and none closes"),
        pytest.param(HEADER + lines('"{i}","{t}","{l}"'), {}, id="all enclosed"),
        pytest.param(HEADER + lines("'{i}','{t}','{l}'"), {}, id="single marks"),
        pytest.param("id~|~text~|~label\n" + lines("{i}~|~{t}~|~{l}"), {}, id="a delimiter of three characters"),
        pytest.param("id::text::label\n" + lines("{i}::{t}::{l}"), {}, id="two colons"),
        pytest.param("id\x01text\x01label\n" + lines("{i}\x01{t}\x01{l}"), {}, id="Hive"),
        pytest.param("id^text^label\n" + lines("{i}^{t}^{l}"), {}, id="carets"),
        pytest.param("# of a tool\n# today\n" + HEADER + lines("{i},{t},{l}"), {"comments": 2}, id="comments"),
        pytest.param("Report\n1 May - 2 May\n\n" + HEADER + lines("{i},{t},{l}"), {"titles": 2}, id="titles"),
        pytest.param("By:,Ann,\n,,\n" + HEADER + lines("{i},{t},{l}"), {"titles": 2}, id="padded titles"),
        pytest.param(HEADER + lines("{i},{t},{l}") + "\nTotal,9,\nPage 1 of 1\n", {"footer": 2}, id="totals"),
        pytest.param(HEADER + lines("{i},{t},{l}").replace("20,", HEADER + "20,", 1), {"repeated_header": 1}, id="again"),
        pytest.param("id|+|text|+|label\n" + lines("{i}|+|{t}|+|{l}"), {}, id="a delimiter that no list has"),
        pytest.param("id   text   label\n" + lines("{i:<4}  {t}   {l}"), {}, id="columns lined up by blanks"),
        pytest.param("| id | text | label |\n|---|:---|---|\n" + lines("| {i} | {t} | {l} |"), {"header_rows": 1}, id="Markdown"),
        pytest.param("+--+--+--+\n| id | text | label |\n+--+--+--+\n" + lines("| {i} | {t} | {l} |") + "+--+--+--+\n", {"titles": 1, "rulers": 2}, id="MySQL"),
        pytest.param("id\ttext\tlabel\n--\t----\t-----\n" + lines("{i}\t{t}\t{l}") + "\n(60 rows affected)\n", {"header_rows": 1, "footer": 1}, id="SQL Server"),
        pytest.param('id, text, label\n' + lines('{i}, "{t}", {l}'), {}, id="blanks behind commas"),
        pytest.param(HEADER + lines("{i},{t},{l}").replace("20,", "ID,Text,Label\n20,", 1), {"repeated_header": 1}, id="again in capitals"),
        pytest.param("id &&& text &&& label\n" + lines("{i} &&& {t} &&& {l}"), {}, id="a long delimiter between blanks"),
        pytest.param('"id,text,label"\n' + lines("{i},{t},{l}"), {}, id="a header enclosed as a whole"),
        pytest.param("id,text,label\n" + lines("{i};{t};{l}"), {}, id="a header with another delimiter"),
        pytest.param("# of a tool\n" + HEADER + lines("{i},{t},{l}").replace("20,", "# a note, by hand\n20,", 1), {"comments": 2}, id="comments between"),
        pytest.param(HEADER + "integer,string,string\n" + lines("{i},{t},{l}"), {"header_rows": 1}, id="types"),
    ],
)  # fmt: skip
def test_the_same_table_in_other_dialects(content: str, left_out: dict[str, int], tmp_path: Path) -> None:
    assert read(tmp_path, content) == (["id", "text", "label"], PLAIN, left_out)


def test_a_mark_that_opens_costs_its_own_line_alone(tmp_path: Path) -> None:
    content = HEADER + "".join(f"{i},{Q if i % 9 == 3 else ''}{t},{label}\n" for i, t, label in ROWS)
    assert read(tmp_path, content) == (["id", "text", "label"], PLAIN, {})
    odd = HEADER + "".join(f"{i},{Q}{t}, {t}{'' if i == 9 else Q},{label}\n" for i, t, label in ROWS)
    _names, rows, left_out = read(tmp_path, odd)
    assert [row[0] for row in rows] == [str(number) for number in range(60) if number != 9]
    assert left_out == {"unreadable": 1}


def test_marks_within_marks_stay_in_the_text(tmp_path: Path) -> None:
    _names, rows, left_out = read(tmp_path, HEADER + lines('"{i}","he said "so, {t}" to me","{l}"'))
    assert rows == [(number, f'he said "so, {text}" to me', label) for number, text, label in PLAIN]
    assert left_out == {}


def test_backslashes_before_marks_and_line_ends(tmp_path: Path) -> None:
    body = "".join(f"{Q}{i}{Q},{Q}{t} {BACK}{Q}so, it is{BACK}{Q}{BACK}\nend{Q},{BACK}N\n" for i, t, _l in ROWS)
    _names, rows, left_out = read(tmp_path, '"id","text","label"\n' + body)
    assert rows == [(number, f'{text} "so, it is"\nend', "") for number, text, _label in PLAIN]
    assert left_out == {}


def test_cells_of_several_lines_stay_whole(tmp_path: Path) -> None:
    _names, rows, left_out = read(tmp_path, HEADER + lines('{i},"{t},\n{t}, {t}\n\n1. me",{l}'))
    assert [row[1] for row in rows] == [f"{text},\n{text}, {text}\n\n1. me" for _number, text, _label in PLAIN]
    assert left_out == {}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (lines("{i},{t},{l}"), ["column_1", "column_2", "column_3"]),
        (lines('"{t}",{l}'), ["column_1", "column_2"]),
        ('"text","label"\n' + lines('"{i}","{t}","{l}"'), ["column 1", "text", "label"]),
        ("id,text,label\n" + lines("{i},{t},{l},0"), ["id", "text", "label", "column 4"]),
        ("id,text,label,notes,more\n" + lines("{i},{t},{l}"), ["id", "text", "label"]),
        ("country,2019,2020\n" + lines("{t},{i},{i}"), ["country", "2019", "2020"]),
        ("name,weight,class\n,kg,\n" + lines("{t},{i},{l}"), ["name", "weight (kg)", "class"]),
        ("How was it?,Parts?,\n,A,B\n" + lines("{l},A,B"), ["How was it?", "Parts?: A", "Parts?: B"]),
        (
            'When,Q1,Q2\nDate,"How happy, all in all?",Which one is it?\n"{""ImportId"":""a""}","{""ImportId"":""b""}",'
            '"{""ImportId"":""c""}"\n' + lines("2024-01-02,{l},{t}"),
            ["When: Date", "Q1: How happy, all in all?", "Q2: Which one is it?"],
        ),
        ("\ufeff id\u200b,\u00a0text ,label\n" + lines("{i},{t},{l}"), ["id", "text", "label"]),
        ("text\n" + lines("{t}, {l}; {l}"), ["text"]),
    ],
)
def test_what_the_columns_are_called(content: str, names: list[str], tmp_path: Path) -> None:
    columns, rows, _left_out = read(tmp_path, content)
    assert columns == names
    assert len(rows) == 60


def test_totals_are_kept_where_somebody_wants_them(tmp_path: Path) -> None:
    from trainer.data.readings import Choices

    path = tmp_path / "a.csv"
    path.write_text(HEADER + lines("{i},{t},{l}") + "Total,,9\n", "utf-8")
    for choice, count in (("leave-out", 60), ("keep", 61)):
        table = open_table(path, choices=Choices({"footer": choice}))
        assert sum(len(cells[0]) for cells in table.batches) == count
        assert [reading.chosen for reading in table.readings if reading.what == "footer"] == [choice]


def test_of_thousands_of_columns_those_at_both_ends_and_the_named_are_read(tmp_path: Path) -> None:
    names = ["sample_id", *(f"gene_{n}" for n in range(3000)), "label", *(f"more_{n}" for n in range(1000)), "outcome"]
    path = tmp_path / "a.csv"
    body = [",".join([f"s{n}", *["0.5"] * 3000, "ab"[n % 2], *["7"] * 1000, "yes"]) for n in range(30)]
    path.write_text("\n".join([",".join(names), *body]) + "\n")
    table = open_table(path)
    dataset, _parts = gather_rows([table], [None], silent)
    assert (len(dataset.names), dataset.names[0], dataset.names[-1], dataset.rows) == (2000, "sample_id", "outcome", 30)
    assert dataset.column("label").to_pylist()[:2] == ["a", "b"]
    told = next(problem for problem in dataset.problems if problem["code"] == "left_out_columns")
    assert (told["severity"], told["count"]) == ("warning", 2003)
    assert [reading.what for reading in table.readings] == ["header", "columns"]


def test_an_enclosed_line_with_a_mark_never_closed_keeps_no_marks(tmp_path: Path) -> None:
    content = '"id","text","label"\n' + "".join(
        f'"{i}","{text}{"" if i in (0, 59) else Q},"{label}"\n' for i, text, label in ROWS
    )
    assert read(tmp_path, content) == (["id", "text", "label"], PLAIN, {})


def test_a_column_of_texts_keeps_those_with_delimiters(tmp_path: Path) -> None:
    texts = [f"{n}:{text}{', and more' if n % 3 == 0 else ''}" for n, text, _label in ROWS]
    names, rows, left_out = read(tmp_path, "a:b\n" + "\n".join(texts))
    assert (names, [row[0] for row in rows], left_out) == (["a:b"], texts, {})


@pytest.mark.parametrize("gap", [" ", "  ", " \u0020 "])
def test_numbers_parted_by_blanks_are_columns(gap: str, tmp_path: Path) -> None:
    body = "".join(f"{gap if n % 2 else ''}{n / 4}{gap}{n * n}{gap}{'ab'[n % 2]}\n" for n in range(40))
    for name in ("a.csv", "a.txt"):
        names, rows, left_out = read(tmp_path, "x y class\n".replace(" ", gap) + body, name)
        assert (names, len(rows), rows[3], left_out) == (["x", "y", "class"], 40, ("0.75", "9", "b"), {})
    names, rows, _left_out = read(tmp_path, "the red house\na big dog\nwe all fell\n" * 5, "b.txt")
    assert len(names) == 1


def test_names_have_no_unseen_characters(tmp_path: Path) -> None:
    names, _rows, _left_out = read(tmp_path, "\u200eid\u200f,te\u00adxt,label\u202c\n" + lines("{i},{t},{l}"))
    assert names == ["id", "text", "label"]
