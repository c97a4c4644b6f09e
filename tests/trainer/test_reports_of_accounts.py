"""Reports of programs for accounts and advertising: groups of records under their name (QuickBooks), totals named by stars (SAP), sections
(Interactive Brokers), a summary on top (Facebook). What is no record is told, and can be kept."""

from pathlib import Path

import pytest

from tests.trainer.data_files import workbook
from tests.trainer.data_made import records
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.row_groups import find_groups
from trainer.data.tables.sections import find_sections
from trainer.data.tables.table import Table

Rows = list[list[str]]


def read(path: Path, **asked: str) -> tuple[Rows, dict[str, int], Table]:
    """(rows, {reason: count} of what is left out, the table)."""
    table = open_table(path, choices=Choices(asked))
    rows = [[cell or "" for cell in row.values()] for row in records(table)]
    told: dict[str, int] = {}
    for entry in table.all_left_out():
        told[entry.reason] = told.get(entry.reason, 0) + entry.count
    return rows, told, table


def written(folder: Path, rows: Rows, mark: str = ",") -> Path:
    path = folder / "a.csv"
    path.write_text("\n".join(mark.join(row) for row in rows) + "\n", "utf-8")
    return path


# Groups


def bills(number: int, blank: int = 1) -> Rows:
    return [[*[""] * blank, f"2024-01-{n + 1:02}", f"Bill {n}", f"{10 * n + 5}.00"] for n in range(number)]


ONLINE = [
    ["", "Date", "Name", "Amount"],
    ["Checking", "", "", ""], *bills(5), ["Total for Checking", "", "", "$125.00"],
    ["Office Supplies", "", "", ""], ["   Paper", "", "", ""], *bills(3), ["   Total for Paper", "", "", "45.00"], ["Total for Office Supplies with sub-accounts", "", "", "45.00"],
    ["Total for Office Supplies", "", "", "45.00"], ["Travel", "", "", ""], *bills(4), ["Total for Travel", "", "", "80.00"], ["TOTAL", "", "", "250.00"],
]  # fmt: skip


def test_the_name_of_a_group_goes_to_its_records(tmp_path: Path) -> None:
    rows, told, table = read(written(tmp_path, [row for row in ONLINE if "sub-accounts" not in row[0]]))
    assert [row[0] for row in rows] == ["Checking"] * 5 + ["Office Supplies:Paper"] * 3 + ["Travel"] * 4
    assert told == {"groups": 4, "subtotals": 5}
    assert [(reading.chosen, [other.value for other in reading.others]) for reading in table.readings if reading.what == "groups"] == [("records", ["rows"])]  # fmt: skip


def test_rows_of_groups_stay_records_where_somebody_wants_it(tmp_path: Path) -> None:
    path = written(tmp_path, [row for row in ONLINE if "sub-accounts" not in row[0]])
    rows, told, table = read(path, groups="rows", subtotals="keep", footer="keep")
    assert (len(rows), told) == (21, {})
    assert next(reading for reading in table.readings if reading.what == "groups").is_asked


def test_a_column_for_each_level_as_on_the_desktop(tmp_path: Path) -> None:
    def row(*labels: str, balance: str = "") -> list[str]:
        return [*labels, *[""] * (3 - len(labels)), "", "", balance]

    below = [
        row("Payroll", balance="0.00"), row("", "Wages", balance="0.00"), *bills(3, 3), row("", "Total Wages", balance="45.00"), row("", "Taxes", balance="0.00"),
        *bills(4, 3), row("", "Total Taxes", balance="80.00"), row("Total Payroll", balance="125.00"), row("Rent", balance="0.00"), *bills(2, 3), row("Total Rent", balance="20.00"),
    ]  # fmt: skip
    rows, told, _table = read(written(tmp_path, [["", "", "", "Date", "Name", "Amount"], *below]))
    assert [row[:3] for row in rows] == [["Payroll", "Wages", ""]] * 3 + [["Payroll", "Taxes", ""]] * 4 + [
        ["Rent", "", ""]
    ] * 2
    assert told == {"groups": 4, "subtotals": 4}


STATEMENT = [
    ["", "Jan 2024", "Feb 2024"], ["Income", "", ""], ["   Sales", "100.00", "120.00"], ["   Services", "50.00", "60.00"], ["Total Income", "150.00", "180.00"],
    ["Gross Profit", "150.00", "180.00"], ["Expenses", "", ""], ["   Rent", "30.00", "31.00"], ["   Travel", "", ""], ["      Air", "5.00", "6.00"], ["      Rail", "5.00", "7.00"],
    ["   Total Travel", "10.00", "13.00"], ["   Wages", "9.00", "8.00"], ["Total Expenses", "49.00", "52.00"], ["Net Income", "101.00", "128.00"],
]  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_lines_of_a_statement_are_named_by_their_groups(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, STATEMENT)
    if form == "xlsx":
        path = tmp_path / "a.xlsx"
        path.write_bytes(workbook({"P and L": [list(row) for row in STATEMENT]}))
    rows, told, _table = read(path)
    assert [row[0] for row in rows] == ["Income:Sales", "Income:Services", "Expenses:Rent", "Expenses:Travel:Air", "Expenses:Travel:Rail", "Expenses:Wages"]  # fmt: skip
    assert (told["groups"], told["subtotals"] + told.get("footer", 0)) == (3, 5)


@pytest.mark.parametrize(
    "rows",
    [
        [["a", "1", "x"], ["b", "", ""], ["c", "2", "y"], ["d", "3", "z"], ["e", "4", "w"]],
        [["North", "", ""], ["", "1", "x"], ["", "2", "y"], ["South", "", ""], ["", "3", "z"]],
        [["Total recall", "8", "film"], ["Total eclipse", "", ""], ["Alien", "9", "film"], ["Total Alien", "1", "b"]],
    ],
)
def test_tables_without_totals_of_their_groups_have_none(rows: Rows) -> None:
    assert find_groups(["column 1", "n", "t"], rows, Table("a", "csv", [], iter(()), 0)) is None


# Stars


def stock(plants: tuple[str, ...] = ("1000", "2000")) -> Rows:
    rows: Rows = []
    for plant in plants:
        rows += [[plant, f"M-{n}", str(n + 1), f"{10 * n + 5},00"] for n in range(5)]
        rows.append(["*", plant, "15", "125,00"])
    return [*rows, ["**", "", str(15 * len(plants)), f"{125 * len(plants)},00"]]


def test_totals_that_stars_name_are_left_out(tmp_path: Path) -> None:
    rows, told, _table = read(written(tmp_path, [["Plant", "Material", "Pieces", "Value"], *stock()], ";"))
    assert (len(rows), told) == (10, {"subtotals": 3})
    rows, told, _table = read(tmp_path / "a.csv", subtotals="keep")
    assert (len(rows), told) == (13, {})


def test_ratings_of_stars_stay(tmp_path: Path) -> None:
    rows = [["*" * (n % 5 + 1), f"hotel {n}", str(50 + n), str(n % 9)] for n in range(20)]
    kept, told, _table = read(written(tmp_path, [["rating", "name", "price", "rooms"], *rows]))
    assert (len(kept), told) == (20, {})
    few = [["*" if n % 6 == 5 else "good", "", str(50 + n), ""] for n in range(24)]
    kept, told, _table = read(written(tmp_path, [["rating", "name", "price", "rooms"], *few]))
    assert (len(kept), told) == (24, {})


# A summary on top


ADS = [
    ["2024-01-01", f"campaign {n % 3}", f"ad {n}", str(10 + n), str(1000 + 13 * n), f"{1.5 + n / 10:.2f}"]
    for n in range(12)
]
NAMES = ["Reporting starts", "Campaign name", "Ad name", "Results", "Reach", "Cost per result"]
SUMS = [str(sum(int(row[place]) for row in ADS)) for place in (3, 4)]


@pytest.mark.parametrize("top", [["2024-01-01", "", "", *SUMS, "2.05"], ["2024-01-01", "", "", *SUMS, "2.13"]])
def test_a_summary_without_a_name_on_top_is_left_out(tmp_path: Path, top: list[str]) -> None:
    rows, told, _table = read(written(tmp_path, [NAMES, top, *ADS]))
    assert (len(rows), told) == (12, {"subtotals": 1})
    rows, told, _table = read(tmp_path / "a.csv", subtotals="keep")
    assert (len(rows), told) == (13, {})


@pytest.mark.parametrize("place", [0, 12])
def test_results_from_all_ads_are_no_ad(tmp_path: Path, place: int) -> None:
    rows = [[f"campaign {n}", *row[3:]] for n, row in enumerate(ADS)]
    rows.insert(place, ["Results from 12 campaigns", SUMS[0], SUMS[1], "2.13"])
    kept, told, _table = read(written(tmp_path, [["Campaign name", *NAMES[3:]], *rows]))
    assert (len(kept), sum(told.values())) == (12, 1)


@pytest.mark.parametrize(
    "top",
    [
        ["2024-01-01", "", "", "5", "900", "2.05"],
        ["2024-01-02", "", "", *SUMS, "2.05"],
        ["2024-01-01", "", "", SUMS[0], "1", "1"],
    ],
)
def test_a_first_row_without_a_name_that_adds_nothing_up_stays(tmp_path: Path, top: list[str]) -> None:
    rows, told, _table = read(written(tmp_path, [NAMES, top, *ADS]))
    assert (len(rows), told) == (13, {})


# Sections


def statement() -> str:
    lines = [
        "Statement,Header,Field Name,Field Value",
        "Statement,Data,BrokerName,Interactive Brokers",
        "Trades,Header,Type,Symbol,Date/Time,Quantity,Code",
    ]
    for symbol in ("AAPL", "MSFT"):
        lines += [f'Trades,Data,Order,{symbol},"2024-01-0{n + 1}, 10:30:00",{n + 1},O' for n in range(4)]
        lines.append(f"Trades,SubTotal,,{symbol},,10,")
    lines += [
        "Trades,Total,,,,20,",
        "Trades,Header,Type,Pair,Rate",
        "Trades,Data,Order,EUR.USD,1.1",
        "Dividends,Header,Currency,Date,Description,Amount",
    ]
    lines += [
        *(f"Dividends,Data,USD,2024-0{n + 1}-15,Cash,{n + 1}.5" for n in range(3)),
        "Dividends,Data,Total,,,7.5",
        "Notes,Notes,See the terms.",
    ]
    return "\n".join(lines) + "\n"


def test_the_largest_section_of_a_statement_is_the_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(statement(), "utf-8")
    rows, told, table = read(path)
    assert (table.columns, len(rows), rows[0]) == (["Type", "Symbol", "Date/Time", "Quantity", "Code"], 8, ["Order", "AAPL", "2024-01-01, 10:30:00", "1", "O"])  # fmt: skip
    assert told == {"other_sections": 6, "subtotals": 3, "notes": 1}
    reading = next(reading for reading in table.readings if reading.what == "section")
    assert (reading.chosen, [other.value for other in reading.others]) == (
        "Trades",
        ["Dividends", "Statement", "Trades (2)"],
    )
    assert any("Trades (2) (1)" in str(entry.sentence) for entry in table.left_out)


def test_another_section_is_read_where_somebody_wants_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(statement(), "utf-8")
    rows, told, table = read(path, section="Dividends")
    assert (table.columns, len(rows)) == (["Currency", "Date", "Description", "Amount"], 3)
    assert told == {"other_sections": 10, "subtotals": 3, "notes": 1, "footer": 1}


@pytest.mark.parametrize(
    "text", ["text,Header,label\nfine,good,x\nbad,bad,y\n" * 3, "a,b,c\n1,2,3\n", "Data,Header,x\nData,Data,y\n"]
)
def test_other_tables_have_no_sections(text: str) -> None:
    assert find_sections(text, None) is None
