"""Titles made from the names of files."""

import pytest

from webapp.core.titles import one_line, title_from


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Churn Q3 (final).csv", "Churn Q3 (final)"),
        ("Customer feedback (Responses) - Form Responses 1.csv", "Customer feedback"),
        ("Customer feedback (Responses).xlsx", "Customer feedback"),
        ("Orders 2026 - Sheet1.csv", "Orders 2026"),
        ("orders_export_1.csv", "orders export 1"),
        ("tickets.csv.gz", "tickets"),
        ("photos.tar.xz", "photos"),
        ("v1.2 rows.zip", "v1.2 rows"),
        ("C:\\Users\\ada\\rows.csv", "rows"),
        ("a\x00b\nc.csv", "a b c"),
        (".csv", ".csv"),
        ("", ""),
        ("反馈（终）.csv", "反馈（终）"),
        ("x" * 300 + ".csv", "x" * 120),
        ("A - B.csv", "A - B"),
    ],
)
def test_titles(name: str, title: str) -> None:
    assert title_from(name).strip(".") == title.strip(".")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Support  messages", "Support messages"),
        ("a\nb\x07", "a b"),
        ("\u200b", ""),
        ("\u200d", ""),
        ("\u202egnp.exe", "gnp.exe"),
        ("团队 👩\u200d🔬", "团队 👩\u200d🔬"),
    ],
)
def test_names_are_one_line_that_people_see(text: str, line: str) -> None:
    assert one_line(text) == line
