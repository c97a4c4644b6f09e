"""Chats of LINE, as phones and computers export them in several languages."""

import io
from typing import Any

import pytest

from trainer.data.tables.line_chats import MEDIA, line_table, looks_like_line, parse_day, read_clock, written
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table

JAPANESE = (
    "[LINE] Annとのトーク履歴\n保存日時：2024/05/12 10:11\n\n2024/05/10(金)\n09:12\tAnn\tおはようございます\n09:13\tBob\tおはよう！\n今日は寒いね\n"
    "09:14\tAnn\t[スタンプ]\n09:16\tAnn\tメッセージの送信を取り消しました\n09:17\tCarlが参加しました\n\n2024/05/11(土)\n10:00\tBob\t\"明日の予定\n\"\"は\"\"?\"\n"
    "10:05\tAnn\t☎ 通話時間 1:23\n"
)  # fmt: skip
ENGLISH = (
    "[LINE] Chat history with Ann\nSaved on: 5/12/2024, 10:11\n\nFri, 5/10/2024\n9:12 AM\tAnn\tGood morning\n12:13 PM\tBob\tHello\n"
    "Sat, 5/11/2024\n11:00 PM\tBob\t[Photo]\n"
)
COMPUTER = (
    "[LINE] 與Ann Lee的聊天記錄\n儲存日期： 2024/05/12 10:11\n\n2024.05.10 星期五\n09:12 Ann Lee 早安\n09:13 Ann Lee 在嗎\n"
    "13:15 Bob 明天見 好嗎\n13:16 Ann Lee 好\n"
)  # fmt: skip


def read(text: str) -> tuple[Table, list[tuple[Any, ...]]]:
    assert looks_like_line(text)
    table = line_table(Lines(io.StringIO(text, newline=""), "a.txt"), "a.txt", len(text), {}, sample=text)
    return table, [row for batch in table.batches for row in zip(*batch, strict=True)]


def test_a_chat_of_a_phone_in_japanese() -> None:
    table, rows = read(JAPANESE)
    assert rows == [
        ("2024-05-10 09:12", "Ann", "おはようございます"),
        ("2024-05-10 09:13", "Bob", "おはよう！\n今日は寒いね"),
        ("2024-05-11 10:00", "Bob", '明日の予定\n"は"?'),
    ]
    assert {entry.reason: entry.count for entry in table.left_out} == {"media": 1, "notice": 3}
    assert table.bad_count == 0


def test_clocks_of_twelve_hours_and_days_with_the_month_first() -> None:
    table, rows = read(ENGLISH)
    assert rows == [("2024-05-10 09:12", "Ann", "Good morning"), ("2024-05-10 12:13", "Bob", "Hello")]
    assert [(entry.reason, entry.count) for entry in table.left_out] == [("media", 1)]


def test_a_chat_of_a_computer_where_blanks_divide() -> None:
    _table, rows = read(COMPUTER)
    assert [row[1:] for row in rows] == [("Ann Lee", "早安"), ("Ann Lee", "在嗎"), ("Bob", "明天見 好嗎"), ("Ann Lee", "好")]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("2024/05/10(金)", "2024-05-10"), ("2024.05.10 星期五", "2024-05-10"), ("2024.05.10 금요일", "2024-05-10"), ("Fri, 5/10/2024", "2024-05-10"),
        ("Fri, 10/05/2024", "2024-05-10"), ("2024/5/10（金）", "2024-05-10"), ("Mon, 13/05/2024", "2024-05-13"),
    ],
)  # fmt: skip
def test_days(line: str, day: str) -> None:
    found = parse_day(line)
    assert found is not None
    assert written(found) == day


@pytest.mark.parametrize(
    ("clock", "time"),
    [("9:12", "09:12"), ("12:05 AM", "00:05"), ("1:05pm", "13:05"), ("下午01:13", "13:13"), ("午前9:12", "09:12"), ("오후 3:01", "15:01")],
)  # fmt: skip
def test_clocks(clock: str, time: str) -> None:
    assert read_clock(clock) == time


def test_what_is_no_chat_of_line() -> None:
    assert not looks_like_line("time\tauthor\ttext\n09:12\tAnn\tHi\n09:13\tBob\tHi\n09:14\tBob\tHi\n")
    assert not looks_like_line("2024/05/10\nnothing here\n")
    assert MEDIA.fullmatch("[see] this") is None
