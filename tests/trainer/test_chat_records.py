"""Messages and marked passages of other programs by themselves: mailboxes as Python writes them, positions as browsers count."""

import email.message
import email.policy
import mailbox
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import lines, records
from trainer.data.exports.base import Conversion, example_of
from trainer.data.exports.messengers import (
    convert_slack,
    convert_telegram,
    is_slack,
    is_telegram,
    telegram_chats,
    telegram_text,
)
from trainer.data.exports.spans import Span, choose_spans, fit_of, guess_unit, to_characters
from trainer.data.tables.chats import looks_like_mbox, looks_like_whatsapp, mbox_table, whatsapp_table

often = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXT = some.text("ab cé中🙂.", min_size=1, max_size=20)


# Mailboxes


def mail(subject: str, body: str, html: bool = False, **heads: str) -> email.message.EmailMessage:
    made = email.message.EmailMessage(email.policy.default)
    made["Subject"], made["From"], made["To"] = subject, "Ann <ann@example.com>", "bob@example.com"
    made["Date"] = "Mon, 06 May 2024 10:00:00 +0200"
    for name, value in heads.items():
        made[name.replace("_", "-")] = value
    made.set_content(body, subtype="html" if html else "plain")
    return made


def read_mbox(folder: Path, mails: list[email.message.EmailMessage]) -> list[dict[str, str | None]]:
    path = folder / "box"
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    for one in mails:
        box.add(one)
    box.close()
    text = path.read_text("utf-8", "replace")
    assert looks_like_mbox(text)
    return records(mbox_table(lines(text), "box", len(text), {}))


@often
@given(
    some.lists(
        some.tuples(
            TEXT.filter(str.strip),
            some.lists(
                some.sampled_from(["hello", "From here on", ">From", "", "中 🙂", "-- "]), min_size=1, max_size=5
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_mailbox_is_read_as_python_wrote_it(tmp_path: Path, mails: list[tuple[str, list[str]]]) -> None:
    rows = read_mbox(tmp_path, [mail(subject, "\n".join(body)) for subject, body in mails])
    assert [row["subject"] for row in rows] == [" ".join(subject.split(" ")).strip() for subject, _body in mails]
    for row, (_subject, body) in zip(rows, mails, strict=True):
        assert (row["text"] or "").split() == " ".join(body).split()


def test_heads_labels_and_pages_of_mails(tmp_path: Path) -> None:
    rows = read_mbox(
        tmp_path,
        [
            mail("Re: 你好", "<p>one &amp; two</p><script>no</script>", html=True, X_Gmail_Labels="Inbox,Work"),
            mail("x", "y"),
        ],
    )
    assert rows[0] == {
        "date": "Mon, 06 May 2024 10:00:00 +0200",
        "from": "Ann <ann@example.com>",
        "to": "bob@example.com",
        "subject": "Re: 你好",
        "labels": "Inbox,Work",
        "text": "one & two",
    }
    assert rows[1]["labels"] is None


def test_a_message_that_cannot_be_read_costs_itself_alone() -> None:
    text = "From a\nSubject: one\n\nfirst\n\nFrom b\nContent-Type: text/plain; charset=nonsense\nContent-Transfer-Encoding: base64\n\n/w==\n\nFrom c\nSubject: three\n\nthird\n"
    made = mbox_table(lines(text), "box", len(text), {})
    assert [row["subject"] for row in records(made)] == ["one", "three"]
    assert made.bad == [(6, "begins a message that cannot be read")]


@pytest.mark.parametrize(
    "text", ["", "From here to there\nit rains: always\n", "Subject: x\nTo: y\n\nbody", "From a\nbody only\n"]
)
def test_other_texts_are_no_mailbox(text: str) -> None:
    assert not looks_like_mbox(text)


# WhatsApp


@often
@given(
    some.lists(
        some.tuples(
            some.sampled_from(["Ann", "Bob Lee", "安娜", "+44 20 7946 0000"]),
            some.lists(some.sampled_from(["hi", "a: b", "12 ok", "🙂", "http://x.org/a:b"]), min_size=1, max_size=3),
        ),
        min_size=3,
        max_size=8,
    )
)
def test_a_chat_is_read_back_whatever_its_messages_hold(said: list[tuple[str, list[str]]]) -> None:
    text = "".join(
        f"12/05/2024, 10:{place:02} - {author}: " + "\n".join(body) + "\n" for place, (author, body) in enumerate(said)
    )
    made = whatsapp_table(lines(text), "chat.txt", len(text), {})
    assert looks_like_whatsapp(text)
    assert [(row["author"], row["text"]) for row in records(made)] == [
        (author, "\n".join(body)) for author, body in said
    ]
    assert (made.bad, made.left_out) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        "a headline\n" + "12/05/2024, 10:10 - Ann: hi\n" * 3 + "words\n" * 9,
        "12/05/2024, 10:10 - Ann: hi\n" * 2,
        "12/05/2024, 10:10 - Ann: hi\n" * 3 + "words\n" * 90,
        "12/05/2024, 10:10 - somebody joined\n" * 9,
        "".join(f"[2024-01-01, 10:00:{n:02}] {('ERROR', 'INFO main', 'WARN')[n % 3]}: it failed\n" for n in range(9)),
        "[2024-01-01, 10:00:00] worker 3: it failed\n" * 9 + "  at line 7 of the stack\n" * 60,
    ],
)
def test_other_texts_are_no_chat(text: str) -> None:
    assert not looks_like_whatsapp(text)


def test_what_people_say_is_no_notice() -> None:
    said = [
        "You were added to the wrong waiting list, sorry",
        "you created group work for all of us",
        "You were added?!",
    ]
    text = "".join(f"12/05/2024, 10:{place:02} - Ann: {words}\n" for place, words in enumerate(said))
    text += "12/05/2024, 11:00 - Team: You were added\n12/05/2024, 11:01 - Team: You created group “Team”\n"
    made = whatsapp_table(lines(text), "chat.txt", len(text), {})
    assert [row["text"] for row in records(made)] == said
    assert sum(entry.count for entry in made.left_out) == 2


def test_notices_and_media_are_counted_and_lines_of_nobody_are_told() -> None:
    text = (
        "who wrote this\n12/05/2024, 10:10 - Messages and calls are end-to-end encrypted.\nand this of the notice\n"
        "12/05/2024, 10:11 - Ann: <Media omitted>\n12/05/2024, 10:12 - Ann: hello\n12/05/2024, 10:13 - Bob joined\n"
    )
    made = whatsapp_table(lines(text), "chat.txt", len(text), {})
    assert [row["text"] for row in records(made)] == ["hello"]
    assert {entry.reason: entry.count for entry in made.left_out} == {"notice": 2, "media": 1}
    assert made.bad == [(1, "belongs to no message")]


# Telegram and Slack


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (
            ["see ", {"type": "link", "text": "https://x.org"}, " ", {"type": "bold", "text": "now"}],
            "see https://x.org now",
        ),
        ([{"type": "custom_emoji"}, None, ""], ""),
        ([], ""),
        (None, ""),
        ([5, "a"], "5a"),
    ],
)
def test_a_text_of_entities_is_one_text(value: Any, text: str) -> None:
    assert telegram_text(value) == text


def told(convert: Any, record: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    conversion = Conversion("x", "x.json")
    return list(convert(record, conversion)), dict(conversion.left_out)


def test_messages_of_telegram_are_rows_and_the_others_counted() -> None:
    message = {
        "id": 5,
        "type": "message",
        "date": "2024-05-06T10:00:00",
        "from": "Ann",
        "text": "hi",
        "reply_to_message_id": 3,
        "chat": "team",
    }
    assert told(convert_telegram, message) == (
        [{"chat": "team", "id": 5, "time": "2024-05-06T10:00:00", "author": "Ann", "reply_to": 3, "text": "hi"}],
        {},
    )
    assert told(convert_telegram, message | {"type": "service"}) == ([], {"notice": 1})
    assert told(convert_telegram, message | {"text": [" "]}) == ([], {"media": 1})
    assert is_telegram([message] * 3)
    assert not is_telegram([{"type": "message", "text": "x"}] * 3)


def test_all_chats_of_an_account_are_one_list_with_their_names() -> None:
    account = {
        "chats": {
            "list": [
                {"name": "a", "messages": [{"id": 1}]},
                {"name": "b", "messages": []},
                "broken",
                {"name": "c", "messages": ["x"]},
            ]
        }
    }
    assert telegram_chats(account) == [{"chat": "a", "id": 1}, "x"]
    for other in ({"chats": {"list": []}}, {"chats": []}, [], "x", {"messages": [1]}):
        assert telegram_chats(other) == other


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("&amp;lt;", "&lt;"),
        ("see <https://x.org|the page>", "see the page"),
        ("see <https://x.org>", "see https://x.org"),
        ("<mailto:a@x.org|a@x.org>", "a@x.org"),
    ],
)
def test_marks_of_slack_become_what_was_typed(text: str, read: str) -> None:
    rows, _left = told(convert_slack, {"type": "message", "ts": "1", "text": text, "user": "U1"})
    assert rows == [{"ts": "1", "author": "U1", "thread_ts": None, "text": read}]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"subtype": "channel_join", "text": "joined"}, "notice"),
        ({"subtype": "bot_add", "text": "x"}, "notice"),
        ({"text": " "}, "media"),
        ({}, "media"),
    ],
)
def test_notices_and_empty_messages_of_slack_are_counted(record: dict[str, Any], reason: str) -> None:
    assert told(convert_slack, {"type": "message", "ts": "1"} | record) == ([], {reason: 1})
    assert is_slack([{"type": "message", "ts": "1", "text": ""}] * 3)


# Marked passages


@often
@given(some.text("aé中🙂 .", min_size=1, max_size=20), some.data())
def test_positions_in_browsers_units_and_in_bytes_are_the_same_characters(text: str, data: some.DataObject) -> None:
    start = data.draw(some.integers(0, len(text) - 1))
    end = data.draw(some.integers(start + 1, len(text)))
    for unit, encoding, size in (("utf16", "utf-16-le", 2), ("bytes", "utf-8", 1), ("characters", "utf-32-le", 4)):
        first, last = (len(text[:place].encode(encoding)) // size for place in (start, end))
        (span,) = to_characters(text, [Span(first, last, "A")], unit)
        assert (span.start, span.end) == (start, end)


@often
@given(some.lists(some.tuples(some.integers(-3, 25), some.integers(-3, 25), some.sampled_from("AB")), max_size=8))
def test_passages_that_stay_lie_apart_and_the_others_are_counted(made: list[tuple[int, int, str]]) -> None:
    text = "one two  three four 🙂"
    kept, overlapping, outside = choose_spans(text, [Span(*one) for one in made])
    assert len(kept) + overlapping + outside == len(made)
    assert all(first.end <= second.start for first, second in pairwise(kept))
    assert all(text[span.start : span.end].strip() == text[span.start : span.end] != "" for span in kept)


def test_of_two_passages_the_longer_stays() -> None:
    kept, overlapping, outside = choose_spans(
        "one two three", [Span(0, 3, "A"), Span(0, 7, "B"), Span(8, 13, "A"), Span(3, 4, "A")]
    )
    assert [(span.start, span.end, span.label) for span in kept] == [(0, 7, "B"), (8, 13, "A")]
    assert (overlapping, outside) == (1, 1)


@pytest.mark.parametrize("unit", ["characters", "utf16", "bytes"])
def test_the_unit_is_told_by_what_stands_at_its_places(unit: str) -> None:
    samples = []
    for number in range(6):
        text = f"🙂🙂 grüße an Ann{number} und Bob"
        start = text.index("Ann")
        place = {
            "characters": lambda n: n,
            "utf16": lambda n, text=text: len(text[:n].encode("utf-16-le")) // 2,
            "bytes": lambda n, text=text: len(text[:n].encode()),
        }[unit]
        samples.append((text, [Span(place(start), place(start + 4), "PER", text[start : start + 4])]))
    assert guess_unit(samples) == (unit, 6)
    assert fit_of(samples[0][0], to_characters(*samples[0], unit)) == 2


def test_a_vote_is_the_first_of_the_most_and_a_record_is_called_by_its_id() -> None:
    conversion = Conversion("x", "x.json")
    assert conversion.vote(["b", "a", "a"]) == ("a", pytest.approx(2 / 3))
    assert conversion.vote(["b", "a"]) == ("b", 0.5)
    assert conversion.vote([1]) == (1, 1.0)
    assert (conversion.votes, conversion.disagreed) == (2, 2)
    assert [
        example_of(record)
        for record in ({"id": 7, "text": "x"}, {"text": "x" * 99}, {"image": "data:abc", "name": "n"}, {"a": [1]}, {})
    ] == ["7", "x" * 80, "n", "[1]", ""]


@pytest.mark.parametrize(
    ("envelope", "header", "date"),
    [
        ("From ann@x.org Sat May  4 10:11:12 2024", "", "Sat, 04 May 2024 10:11:12 -0000"),
        ("From 17@xxx Mon May 06 07:08:10 +0200 2024", "", "Mon, 06 May 2024 05:08:10 -0000"),
        ("From ann@x.org Sat May  4 10:11:12 2024", "Date: Fri, 3 May 2024 09:00:00 +0200\n", "Fri, 03 May 2024 09:00:00 +0200"),
        ("From ann@x.org no date", "", None),
    ],
)  # fmt: skip
def test_a_mail_without_a_date_has_that_of_its_arrival(envelope: str, header: str, date: str | None) -> None:
    text = f"{envelope}\nFrom: ann@x.org\nSubject: Hi\n{header}\nHello there"
    made = mbox_table(lines(text), "box", len(text), {})
    assert [row["date"] for row in records(made)] == [date]
    assert ("date" in str(made.readings[0].sentence)) == (not header)
