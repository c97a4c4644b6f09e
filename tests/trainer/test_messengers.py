"""Chats of messengers in every form that they export, and texts of mail without their quotes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import zipped
from trainer.data.exports.messengers import of_bytes
from trainer.data.inspect import inspect
from trainer.data.tables.chats import MESSAGE, OMITTED
from trainer.data.text_columns import without_quotes, without_tags


def read(path: Path, place: Path, **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    result = inspect([path], place / "v1", **options)
    return result, pq.read_table(place / "v1" / "data.parquet").to_pylist()


def told(result: dict[str, Any]) -> dict[str, int]:
    return {entry["reason"]: entry["count"] for entry in result["left_out"]}


BEGINNINGS = [
    "12/05/2024, 10:11 - ", "5/12/24, 1:02 PM - ", "5/12/24, 1:02\u202fPM - ", "12.05.24, 10:11 - ", "2024-05-12, 10:11 - ", "12-05-2024 10:11 - ",
    "[12.05.24, 10:11:12] ", "\u200e[5/12/24, 1:02:03 PM] ", "[12/05/2024 10:11:12] ", "[12.5.2024 klo 10.11.12] ", "12/05/24, 1:02 p. m. - ",
    "2024/5/12 上午10:11 - ", "[2024/5/12 下午1:02:03] ", "2024년 5월 12일 오후 1:02, ", "[12/05/2024 à 10:11:12] ", "12/05/2024 à 10:11 - ",
    "12.05.24 um 10:11 - ", "12/05/2024 10h11 - ", "2024年5月12日 10:11 - ",
]  # fmt: skip


@pytest.mark.parametrize("begin", BEGINNINGS)
def test_dates_of_whatsapp_in_many_languages(begin: str) -> None:
    match = MESSAGE.fullmatch(begin + "Ann Müller: hello: you")
    assert match is not None
    assert (match["author"], match["text"]) == ("Ann Müller", "hello: you")
    notice = MESSAGE.fullmatch(begin + "Messages are encrypted.")
    assert notice is not None
    assert notice["author"] is None


@pytest.mark.parametrize(
    ("text", "is_omitted"),
    [
        ("<Media omitted>", True), ("<Medien ausgeschlossen>", True), ("<Multimedia omitido>", True), ("‎image omitted", True),
        ("‎<attached: 00000012-PHOTO-2024.jpg>", True), ("IMG-2024.jpg (file attached)", True), ("<媒体文件已省略>", True), ("‎Bild weggelassen", True),
        ("see <this> please", False), ("the image omitted a detail", False), ("look at IMG.jpg (it is nice) now", False),
    ],
)  # fmt: skip
def test_media_that_were_not_exported(text: str, is_omitted: bool) -> None:
    assert (OMITTED.fullmatch(text) is not None) == is_omitted


def test_a_chat_with_notices_and_media(tmp_path: Path) -> None:
    lines = ["12/05/2024, 10:00 - Messages are encrypted.", "Tap to learn more"]
    lines += [f"12/05/2024, 10:{n:02} - Ann: message {n}\nits second line" for n in range(20)]
    lines += ["12/05/2024, 11:00 - Ann: <Media omitted>", "12/05/2024, 11:01 - Bob left"]
    (tmp_path / "chat.txt").write_text("\n".join(lines))
    result, rows = read(tmp_path / "chat.txt", tmp_path)
    assert (len(rows), rows[3]["text"], told(result)) == (20, "message 3\nits second line", {"notice": 2, "media": 1})


def telegram(n: int) -> dict[str, Any]:
    text: Any = f"message {n} here" if n % 2 else ["see ", {"type": "link", "text": "shop.example"}, f" for {n}"]
    return {
        "id": n,
        "type": "message",
        "date": "2024-05-06T07:08:10",
        "date_unixtime": "1",
        "from": "Ann",
        "text": text,
    }


def test_telegram_one_chat_and_all_of_them(tmp_path: Path) -> None:
    messages = [
        {"id": 99, "type": "service", "action": "invite", "actor": "Ann", "text": ""},
        *map(telegram, range(20)),
        telegram(21) | {"text": "", "photo": "x"},
    ]
    (tmp_path / "result.json").write_text(
        json.dumps({"name": "Ours", "type": "private_group", "id": 1, "messages": messages})
    )
    result, rows = read(tmp_path / "result.json", tmp_path)
    assert (len(rows), rows[0]["text"], told(result)) == (20, "see shop.example for 0", {"notice": 1, "media": 1})
    assert result["source"][0]["export"] == "telegram"
    (tmp_path / "all.json").write_text(
        json.dumps(
            {
                "about": "x",
                "chats": {"list": [{"name": name, "messages": list(map(telegram, range(20)))} for name in "AB"]},
            }
        )
    )
    result = inspect([tmp_path / "all.json"], tmp_path / "v2")
    assert (result["rows"], {column["name"]: column["distinct"] for column in result["columns"]}["chat"]) == (40, 2)


def test_slack_with_its_channels_and_people(tmp_path: Path) -> None:
    def day(channel: str) -> bytes:
        written = [
            {"type": "message", "user": "U1", "ts": f"{n}.1", "text": f"<@U2> see &lt;{n}&gt; in {channel}"}
            for n in range(10)
        ]
        joined = {"type": "message", "subtype": "channel_join", "user": "U2", "ts": "1", "text": "<@U2> has joined"}
        return json.dumps([*written, joined]).encode()

    users = [{"id": "U1", "name": "ann", "profile": {"real_name": "Ann"}}, {"id": "U2", "real_name": "Bob"}]
    files = {f"{channel}/2024-05-0{n}.json": day(channel) for channel in ("help", "sales") for n in (1, 2)}
    path = zipped(tmp_path / "export.zip", files | {"users.json": json.dumps(users).encode(), "channels.json": b"[]"})
    result, rows = read(path, tmp_path)
    assert (len(rows), told(result), rows[0]["author"], rows[0]["channel"]) == (40, {"notice": 4}, "Ann", "help")
    assert (rows[1]["text"], result["suggestion"]["columns"]) == (
        "@Bob see <1> in help",
        {"text": "text", "label": "channel"},
    )


def test_chats_of_facebook_whose_letters_are_bytes(tmp_path: Path) -> None:
    messages: list[dict[str, Any]] = [
        {
            "sender_name": "Ann M\u00c3\u00bcller",
            "timestamp_ms": 1715000000000 + n,
            "content": f"Sch\u00c3\u00b6n war es {n}",
        }
        for n in range(10)
    ]
    messages += [{"sender_name": "Bob", "timestamp_ms": 1715000000000, "photos": [{"uri": "a.jpg"}]}]
    chat = {"participants": [{"name": "Ann"}, {"name": "Bob"}], "messages": messages, "title": "Ann"}
    (tmp_path / "message_1.json").write_text(json.dumps(chat))
    result, rows = read(tmp_path / "message_1.json", tmp_path)
    assert rows[3] == {"time": "2024-05-06T12:53:20+00:00", "author": "Ann Müller", "text": "Schön war es 3"}
    assert (len(rows), told(result)["media"], of_bytes("Schön")) == (10, 1, "Schön")


MAILS = [
    ("Please help.\n\nOn Mon, 6 May 2024 at 07:08, Ann <a@b.example> wrote:\n> old words\n> more", "Please help."),
    ("Bitte helfen.\n\nAm 06.05.2024 um 07:08 schrieb Ann:\n> alt", "Bitte helfen."),
    ("Please help.\n-- \nAnn Smith\nShop", "Please help."),
    ("Please help.\n\nSent from my iPhone", "Please help."),
    ("Yes.\n\n-----Original Message-----\nFrom: x", "Yes."),
    ("Yes.\nFrom: Ann <a@b>\nSent: Monday\nTo: us\nold", "Yes."),
    ("Yes.\n> old\nand no\n> older", "Yes.\nand no"),
    ("##- Please type your reply above this line -##\nold", "##- Please type your reply above this line -##\nold"),
    ("On Monday I wrote: a letter", "On Monday I wrote: a letter"),
    ("a > b\nand c", "a > b\nand c"),
]


@pytest.mark.parametrize(("mail", "written"), MAILS)
def test_what_was_written_stays_of_a_mail(mail: str, written: str) -> None:
    assert without_quotes(mail) == written


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<p>Hi &amp; hello,</p><br/><p>it  is <b>late</b></p>", "Hi & hello,\n\nit is late"),
        ("<style>p{}</style><div>a</div><script>x<p></script>", "a"),
        ("if a <b and c> d", "if a <b and c> d"),
        ("1 < 2 &amp; 3", "1 < 2 &amp; 3"),
    ],
)
def test_html_as_a_person_sees_it(cell: str, text: str) -> None:
    assert without_tags(cell) == text or "<b and c>" in cell


def table(folder: Path, header: list[str], rows: list[list[str]], encoding: str = "utf-8") -> Path:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *rows])
    (folder / "a.csv").write_bytes(buffer.getvalue().encode(encoding))
    return folder / "a.csv"


def test_html_and_quotes_of_a_helpdesk_s_table_are_asked_about(tmp_path: Path) -> None:
    header = ["Ticket ID", "Subject", "Description", "Status", "Requester", "Ticket type"]
    rows = [
        [
            str(n),
            f"my order {n}",
            f"<p>My order {n} is late</p>\nOn Mon, 6 May 2024, Ann wrote:\n> so",
            "open",
            "Bob",
            "ab"[n % 2],
        ]
        for n in range(40)
    ]
    path = table(tmp_path, header, rows)
    result, read_rows = read(path, tmp_path)
    asked = {entry["what"]: (entry["chosen"], entry["doubt"]) for entry in result["reading"]}
    assert (asked["html:Description"], asked["quoted:Description"]) == (("strip", True), ("keep", True))
    assert read_rows[0]["Description"].startswith("My order 0 is late\n")
    result = inspect([path], tmp_path / "v2", readings={"quoted:Description": "strip", "html:Description": "strip"})
    assert pq.read_table(tmp_path / "v2" / "data.parquet").column("Description")[0].as_py() == "My order 0 is late"


def test_orders_of_shopify_with_a_row_an_item(tmp_path: Path) -> None:
    header = [
        "Name",
        "Email",
        "Financial Status",
        "Fulfillment Status",
        "Total",
        "Lineitem quantity",
        "Lineitem name",
        "Lineitem price",
    ]
    rows = []
    for n in range(30):
        rows.append(
            [f"#{n}", f"p{n}@shop.example", ("paid", "refunded")[n % 2], "fulfilled", "12.00", "1", "Lamp", "8.00"]
        )
        rows.append([f"#{n}", "", "", "", "", "2", "Bulb", "2.00"])
    path = table(tmp_path, header, rows)
    result, read_rows = read(path, tmp_path)
    assert read_rows[3]["Financial Status"] == "refunded"
    assert result["split"]["wanted"] == {"group": "Name"}
    inspect([path], tmp_path / "v2", readings={"orders": "keep"})
    assert pq.read_table(tmp_path / "v2" / "data.parquet").column("Email")[1].as_py() in (None, "")


SURVEYS = {
    "Google Forms": [["Timestamp", "How did you hear about us, and when?", "Which of these do you use?"]],
    "Qualtrics": [
        ["StartDate", "EndDate", "RecordedDate", "ResponseId", "Q1"],
        ["Start Date", "End Date", "Recorded Date", "Response ID", "How happy are you, all in all?"],
        *[['{"ImportId":"startDate","timeZone":"America/Denver"}', '{"ImportId":"endDate"}', '{"ImportId":"recordedDate"}', '{"ImportId":"_recordId"}', '{"ImportId":"QID1"}']],
    ],
    "SurveyMonkey": [
        ["Respondent ID", "Collector ID", "Start Date", "End Date", "Which do you use?", "", "How was it?"],
        ["", "", "", "", "Mail", "Phone", "Open-Ended Response"],
    ],
    "Typeform": [["#", "How did you hear about us?", "Start Date (UTC)", "Submit Date (UTC)", "Network ID"]],
}  # fmt: skip


@pytest.mark.parametrize("tool", SURVEYS)
def test_surveys_are_named_by_their_columns(tool: str, tmp_path: Path) -> None:
    heads = SURVEYS[tool]
    options = {"Mail": "Mail", "Phone": "Phone"}

    def cell(place: int, n: int) -> str:
        name = heads[0][place]
        if "date" in name.lower() or name == "Timestamp":
            return f"2024-05-{1 + n % 28:02} 10:00:00"
        option = options.get(heads[1][place]) if len(heads) > 1 else None
        return (
            (option if n % 2 else "")
            if option
            else f"it was fine in case {n}"
            if "?" in name or name == "Q1"
            else f"R_{n}"
        )

    rows = [[cell(place, n) or "" for place in range(len(heads[0]))] for n in range(30)]
    result, read_rows = read(table(tmp_path, heads[0], [*heads[1:], *rows]), tmp_path)
    reading = next(entry for entry in result["reading"] if entry["what"] == "export")
    assert (reading["chosen"], len(read_rows)) == (tool, 30)


def test_reviews_of_the_play_console_in_utf_16(tmp_path: Path) -> None:
    header = [
        "Package Name",
        "App Version Code",
        "Reviewer Language",
        "Review Submit Date and Time",
        "Star Rating",
        "Review Title",
        "Review Text",
        "Review Link",
    ]
    rows = [
        [
            "com.shop",
            "7",
            "de",
            "2024-05-06T07:08:10Z",
            str(1 + n % 5),
            "Gut",
            f"Größe {n} passt leider gar nicht",
            f"https://play.example/{n}",
        ]
        for n in range(40)
    ]
    result, _rows = read(table(tmp_path, header, rows, "utf-16"), tmp_path)
    assert (result["source"][0]["export"], result["suggestion"]["columns"]) == (
        "google_play",
        {"text": "Review Text", "label": "Star Rating"},
    )
