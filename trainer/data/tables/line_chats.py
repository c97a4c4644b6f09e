"""Chats of LINE as its apps export them: a text with a line for each day, and below it a line for each message, whose time, author and
words tabs divide, or on computers blanks."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from trainer.data.exports.base import Conversion
from trainer.data.readings import Reading
from trainer.data.tables.chats import CHAT_COLUMNS, MAX_TEXT, batches
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.messages import _

TITLE = re.compile(r"\ufeff?\[LINE\] ")

WEEKDAYS = (
    ("mon", "月", "一", "월", "จ", "sen"), ("tue", "火", "二", "화", "อ", "sel"), ("wed", "水", "三", "수", "พ", "rab"),
    ("thu", "木", "四", "목", "พฤ", "kam"), ("fri", "金", "五", "금", "ศ", "jum"), ("sat", "土", "六", "토", "ส", "sab"),
    ("sun", "日", "日", "일", "อา", "min"),
)  # fmt: skip
DAY = re.compile(
    r"\ufeff?(?P<before>[A-Za-z\u0e00-\u0e7f]{1,9}\.?, ?)?(?P<first>\d{1,4})[/.](?P<second>\d{1,2})[/.](?P<third>\d{1,4})\.?"
    r"\s?(?P<after>[(（]\S{1,9}[)）]|(?:星期|週)?[日一二三四五六]|[월화수목금토일]요일|[A-Za-z]{3,9})?\s*"
)
CLOCK = re.compile(
    r"(?P<half>[上下]午|午[前後]|오[전후])?\s?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?:\s?(?P<half_behind>[AaPp][Mm]))?"
)
LATE = frozenset(["下午", "午後", "오후", "pm"])
MEDIA = re.compile(
    r"\[(photo|picture|video|sticker|file|voice message|audio|location|contact|album|note|stickers?|写真|動画|スタンプ|ファイル|ボイスメッセージ|"
    r"位置情報|連絡先|アルバム|ノート|照片|相片|圖片|影片|貼圖|檔案|語音訊息|位置訊息|聯絡資訊|相簿|記事本|사진|동영상|스티커|파일|음성 ?메시지|รูป|วิดีโอ|สติกเกอร์|ไฟล์)\]"
    r"( .{0,100})?",
    re.IGNORECASE | re.DOTALL,
)
"""The whole text of a message that is a picture, a sticker or a file, which are not exported."""
NOTICE = re.compile(
    r"☎.*|.{0,60}(unsent a message|メッセージの送信を取り消しました|已收回訊息|收回訊息|메시지 전송을 취소했습니다)[.。]?",
    re.DOTALL,
)
"""Calls, and messages that were taken back."""
SPACED = re.compile(rf"(?P<time>{CLOCK.pattern}) (?=\S)")
LEAST = 3
MOST_WORDS, NEARLY_ALL = 5, 0.9
"""Of an author's name, and the share of the messages of a first word that go on with it."""


class Day(NamedTuple):
    """`weekday`: 0 for Monday; None where the line does not say it."""

    numbers: tuple[int, int, int]
    weekday: int | None


def looks_like_line(sample: str) -> bool:
    """By its title; without one by days that tabbed messages follow."""
    lines = [line for line in sample.splitlines()[:200] if line.strip()]
    if lines and TITLE.match(lines[0]):
        return any(is_message(line) or SPACED.match(line) for line in lines)
    messages = [line for line in lines if is_message(line)]
    days = [number for number, line in enumerate(lines[:-1]) if parse_day(line) and is_message(lines[number + 1])]
    return len(messages) >= LEAST and bool(days) and days[0] == 0


def is_message(line: str) -> bool:
    return CLOCK.fullmatch(line.partition("\t")[0].strip()) is not None and "\t" in line


def tabbed(line: str, names: Mapping[str, str]) -> str:
    """A message whose parts blanks divide as one with tabs: behind its time the name of a known author, or one word."""
    match = None if "\t" in line else SPACED.match(line.strip("\ufeff"))
    if match is None:
        return line
    rest = line[match.end() :]
    name = names.get(rest.partition(" ")[0], "")
    name = name if rest.startswith(f"{name} ") else rest.partition(" ")[0]
    return f"{match['time']}\t{name}\t{rest[len(name) :].strip()}"


def names_in(sample: str) -> dict[str, str]:
    """{first word: name} of authors of several words: those that nearly all of their messages begin with."""
    begun: dict[str, list[list[str]]] = {}
    for line in sample.splitlines():
        if "\t" not in line and (match := SPACED.match(line)):
            words = line[match.end() :].split(" ")
            begun.setdefault(words[0], []).append(words[:-1])
    names = {}
    for first, messages in begun.items():
        name = [first]
        while len(messages) >= LEAST and len(name) < MOST_WORDS:
            seconds = Counter(words[len(name)] for words in messages if len(words) > len(name))
            word, count = max(seconds.items(), key=lambda pair: pair[1], default=("", 0))
            if not word or count < NEARLY_ALL * len(messages):
                break
            name.append(word)
        names[first] = " ".join(name)
    return names


def line_table(lines: Lines, name: str, size: int, details: dict[str, Any], *, sample: str) -> Table:
    """Columns time, author, text; notices of the program, stickers and media are left out and counted."""
    table = Table(name, "line", list(CHAT_COLUMNS), iter(()), size, details | {"export": "line"})
    table.apart = frozenset({"author"})
    table.batches = batches(read_messages(lines, table, names_in(sample)), CHAT_COLUMNS)
    table.readings.append(Reading("export", "LINE", _("A chat of LINE, a row for each message"), file=name))
    return table


def read_messages(lines: Lines, table: Table, names: Mapping[str, str]) -> Iterator[dict[str, str | None]]:
    conversion = Conversion("LINE", table.name)
    message: dict[str, str | None] | None = None
    day: str | None = None
    is_started = False
    for line in lines:
        lines.mark()
        text = tabbed(line.strip("\r\n\ufeff"), names)
        parsed_day = parse_day(text)
        if parsed_day is None and not is_message(text):
            if message is not None and len(message["text"] or "") < MAX_TEXT:
                message["text"] = f"{message['text']}\n{text}"
            elif text.strip() and is_started:
                table.refuse(lines.number, "belongs to no message")
            continue
        yield from finished(message, conversion)
        message, is_started = None, True
        if parsed_day is not None:
            day = written(parsed_day)
        else:
            message = begun(text, day, conversion)
    yield from finished(message, conversion)
    table.left_out += conversion.all_left_out()


def begun(line: str, day: str | None, conversion: Conversion) -> dict[str, str | None] | None:
    """The message that a line begins; None for a notice of the program, which has no author."""
    time, _tab, rest = line.partition("\t")
    author, tab, text = rest.partition("\t")
    if not tab or not author.strip():
        conversion.leave_out("notice", {"text": rest.strip()})
        return None
    return {"time": " ".join(filter(None, (day, read_clock(time)))), "author": author.strip(), "text": text}


def finished(message: dict[str, str | None] | None, conversion: Conversion) -> Iterator[dict[str, str | None]]:
    """The whole message, unless it is none that was written."""
    if message is None:
        return
    text = (message["text"] or "").strip()
    if len(text) > 1 and text[0] == text[-1] == '"' and "\n" in text:
        text = text[1:-1].replace('""', '"')
    if MEDIA.fullmatch(text):
        conversion.leave_out("media", {"text": text})
    elif not text or NOTICE.fullmatch(text):
        conversion.leave_out("notice", {"text": text})
    else:
        yield message | {"text": text}


def parse_day(line: str) -> Day | None:
    match = DAY.fullmatch(line.strip())
    if match is None:
        return None
    named = re.sub(r"[()（）.,\s]|星期|週|요일", "", (match["before"] or match["after"] or "").casefold())
    weekday = next((number for number, words in enumerate(WEEKDAYS) if named.startswith(words) and named), None)
    return Day((int(match["first"]), int(match["second"]), int(match["third"])), weekday)


def written(day: Day) -> str | None:
    """The day as ISO 8601; of month and day first the order in which the weekday is right, else the month."""
    first, second, third = day.numbers
    orders = [(first, second, third)] if first > 31 else [(third, first, second), (third, second, first)]
    dates = []
    for year, month, number in orders:
        try:
            dates.append(date(year, month, number))
        except ValueError:
            continue
    best = next((each for each in dates if each.weekday() == day.weekday), dates[0] if dates else None)
    return best.isoformat() if best else None


def read_clock(text: str) -> str:
    """Of 24 hours."""
    match = CLOCK.fullmatch(text.strip())
    if match is None:
        return text.strip()
    half, hour = (match["half"] or match["half_behind"] or "").lower(), int(match["hour"])
    if half:
        hour = hour % 12 + 12 * (half in LATE)
    return f"{hour:02}:{match['minute']}"
