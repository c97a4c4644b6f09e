"""Exports of helpdesks, shops and chats: which column is what is said, and is guessed rightly."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import zipped
from trainer.data.exports.known import KNOWN, fold_name
from trainer.data.inspect import inspect

EXPORTS = {
    "zendesk": ("Ticket ID,Subject,Description,Status,Requester,Ticket type,Created at", "Description", "Ticket type"),
    "freshdesk": ("Ticket ID,Subject,Status,Priority,Source,Type,Agent,Group,Created time", "Subject", "Type"),
    "hubspot": ("Ticket ID,Ticket name,Ticket description,Category,Ticket status,Create Date", "Ticket description", "Category"),
    "salesforce": ("Case Number,Subject,Description,Type,Status,Date/Time Opened", "Description", "Type"),
    "google_play": ("Package Name,Reviewer Language,Star Rating,Review Title,Review Text,Review Link", "Review Text", "Star Rating"),
    "app_store": ("date,review,rating,isEdited,userName,title", "review", "rating"),
    "trustpilot": ("Review Id,Review Created (UTC),Review Title,Review Content,Review Stars", "Review Content", "Review Stars"),
}  # fmt: skip


ZENDESK_TICKETS = (
    "Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,Assignee,Group,"
    "Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Assigned at,Organization,Due date"
)
"""As an account's tickets are exported: no description."""
EXPORTS |= {
    "zendesk tickets": (ZENDESK_TICKETS, "Subject", "Ticket type"),
    "zendesk without its sum": (ZENDESK_TICKETS.partition(",")[2], "Subject", "Ticket type"),
    "zendesk explore": ("Ticket ID,Ticket subject,Ticket status,Ticket type,Ticket created - Date", "Ticket subject", "Ticket type"),
    "shopify products": ("Handle,Title,Body (HTML),Vendor,Product Category,Type,Status", "Body (HTML)", "Type"),
    "app_store appfollow": ("Store,App Id,Review ID,Date,Author,Country,Rating,Title,Review", "Review", "Rating"),
    "amazon_reviews": ("Id,ProductId,UserId,Score,Time,Summary,Text", "Text", "Score"),
}  # fmt: skip
OTHERS = {
    "surveymonkey": (
        "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,Last Name,Custom Data 1,How was it?,Why?\n"
        ",,,,,,,,,Response,Open-Ended Response\n",
        "{n},77,05/0{d}/2024 10:00:00 AM,05/0{d}/2024 10:04:00 AM,,,,,,{word},It was {word} for order {n}\n",
        ("End Date", "Respondent ID"),
    ),
    "typeform": (
        "#,How was it?,Why?,Response Type,Start Date (UTC),Stage Date (UTC),Submit Date (UTC),Network ID,Tags\n",
        "a{n}f,{word},It was {word} for order {n},completed,2024-05-0{d} 10:00:00,,2024-05-0{d} 10:04:00,c{n},\n",
        ("Submit Date (UTC)", "#"),
    ),
    "qualtrics": (
        "StartDate,EndDate,Status,IPAddress,Progress,Duration (in seconds),Finished,RecordedDate,ResponseId,Q1,Q2\n"
        "Start Date,End Date,Response Type,IP Address,Progress,Duration (in seconds),Finished,Recorded Date,Response ID,How was it?,Why?\n"
        + ",".join(f'"{{""ImportId"":""{name}""}}"' for name in ["startDate", "endDate", "status", "ipAddress", "progress", "duration", "finished", "recordedDate", "_recordId", "QID1", "QID2"])
        + "\n",
        "2024-05-0{d} 10:00:00,2024-05-0{d} 10:04:00,IP Address,,100,240,True,2024-05-0{d} 10:04:01,R_{n},{word},It was {word} for order {n}\n",
        ("RecordedDate", "ResponseId"),
    ),
    "stripe": (
        "id,Created date (UTC),Amount,Amount Refunded,Currency,Description,Fee,Status,Seller Message,Card ID,Customer ID,Captured\n",
        "ch_{n},2024-05-0{d} 10:00:00,1{d}.00,0.00,eur,{word} number {n},0.50,Paid,,,cus_{n},true\n",
        ("Created date (UTC)", "id"),
    ),
    "stripe balance": (
        "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description\n",
        "txn_{n},charge,ch_{n},1{d}.00,0.50,9.50,eur,2024-05-0{d} 10:00,2024-05-0{d} 12:00,{word} number {n}\n",
        ("Created (UTC)", "id"),
    ),
    "hubspot deals": ("Record ID,Deal Name,Deal Stage,Close Date,Amount\n", "{n},{word} deal,Won,2024-05-0{d},9{d}\n", ("Close Date", "Record ID")),
    "hubspot contacts": ("Record ID,Email,Lead Status,Create Date,Lifecycle Stage\n", "{n},,New,2024-05-0{d},{word}\n", ("Create Date", "Record ID")),
    "salesforce leads": ("Lead ID,Company / Account,Lead Source,Lead Status,Created Date\n", "00Q{n},Acme,Web,{word},2024-05-0{d}\n", ("Created Date", "Lead ID")),
    "stripe customers": ("id,Email,Created (UTC),Delinquent,Total Spend\n", "cus_{n},,2024-05-0{d} 10:00,false,1{d}\n", ("Created (UTC)", "id")),
    "stripe subscriptions": ("id,Customer ID,Plan,Status,Created (UTC)\n", "sub_{n},cus_{n},{word},active,2024-05-0{d} 10:00\n", ("Created (UTC)", "id")),
    "shopify": (
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Id\n",
        "#10{n},,paid,2024-05-0{d} 10:00:00 +0200,fulfilled,EUR,1{d}.00,2024-05-0{d} 10:00:00 +0200,1,{word} mug,55{n}\n",
        ("Created at", "Id"),
    ),
}  # fmt: skip
"""(header, a row, (time, ID)) of exports whose text and label nobody but the sender knows, with their own rows of headers."""


def cell_of(name: str, number: int) -> str:
    folded = fold_name(name)
    if "created" in folded or "date" in folded:
        return f"2024-05-{1 + number % 28:02} 07:08:10"
    if folded.endswith("_id") or "number" in folded or "link" in folded:
        return str(7000 + number)
    if any(word in folded for word in ("star", "rating")):
        return str(1 + number % 5)
    if any(word in folded for word in ("description", "text", "content", "review", "subject", "title", "name")):
        return f"My {('bill', 'parcel', 'password')[number % 3]} is wrong in {name}, case {number}"
    return ("incident", "problem", "question")[number % 3]


@pytest.mark.parametrize("tool", EXPORTS)
def test_text_and_label_of_known_exports(tool: str, tmp_path: Path) -> None:
    header, text, label = EXPORTS[tool]
    names = header.split(",")
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([names, *([cell_of(name, number) for name in names] for number in range(60))])
    (tmp_path / "export.csv").write_text(buffer.getvalue(), "utf-8")
    result = inspect([tmp_path / "export.csv"], tmp_path / "v1")
    assert result["suggestion"]["columns"] == {"text": text, "label": label}
    assert result["source"][0]["export"] == tool.partition(" ")[0]
    reading = next(entry for entry in result["reading"] if entry["what"] == "export")
    assert f"“{text}”" in reading["sentence"]


@pytest.mark.parametrize("tool", OTHERS)
def test_time_and_id_of_surveys_and_payments(tool: str, tmp_path: Path) -> None:
    header, row, (time, own_id) = OTHERS[tool]
    words = ("good", "bad", "slow")
    lines = [row.format(n=100 + n, d=1 + n % 9, word=words[n % 3]) for n in range(30)]
    (tmp_path / "export.csv").write_text(header + "".join(lines), "utf-8")
    result = inspect([tmp_path / "export.csv"], tmp_path / "v1")
    assert (result["rows"], result["source"][0]["export"]) == (30, tool.partition(" ")[0])
    sentence = next(entry["sentence"] for entry in result["reading"] if entry["what"] == "export")
    assert f"time “{time}" in sentence
    assert f"ID “{own_id}" in sentence


def test_every_export_names_columns_as_they_are_compared() -> None:
    for known in KNOWN:
        words = " ".join([known.columns, known.text, known.label, known.time, known.id]).split()
        assert [fold_name(word) for word in words] == words


def read(content: str, name: str, place: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    (place / name).write_text(content, "utf-8")
    result = inspect([place / name], place / "v1")
    return result, pq.read_table(place / "v1" / "data.parquet").to_pylist()


@pytest.mark.parametrize(
    "form", ["[12.05.24, 10:11:{:02}] Ann: {}", "12/05/2024, 10:{:02} - Ann: {}", "5/12/24, 1:{:02}\u202fPM - Ann: {}"]
)
def test_a_chat_of_whatsapp_is_a_row_a_message(form: str, tmp_path: Path) -> None:
    notice = form.format(0, "").replace(" Ann: ", " Messages and calls are end-to-end encrypted.")
    lines = [notice, *(form.format(n, f"hello, number {n}") for n in range(20)), "and a second line: of it"]
    result, rows = read("\n".join(lines), "_chat.txt", tmp_path)
    assert (result["rows"], result["source"][0]["format"]) == (20, "whatsapp")
    assert (rows[0]["author"], rows[0]["text"]) == ("Ann", "hello, number 0")
    assert rows[19]["text"] == "hello, number 19\nand a second line: of it"
    assert result["left_out"][0]["count"] == 1


def test_a_mailbox_is_a_row_a_message(tmp_path: Path) -> None:
    mails = [
        f"From 17{n}@xxx Mon May 06 07:08:10 +0000 2024\nX-Gmail-Labels: {('Inbox', 'Spam')[n % 2]}\nFrom: Ann <ann@shop.example>\n"
        f"To: us@shop.example\nSubject: =?utf-8?q?Caf=C3=A9_{n}?=\nDate: Mon, 6 May 2024 07:08:10 +0000\n"
        "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>no</p>\n"
        f"--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nOne caf=C3=A9, number {n}\n"
        ">From here on\n--b--\n\n"
        for n in range(20)
    ]
    result, rows = read("".join(mails), "All mail.mbox", tmp_path)
    assert (result["rows"], result["source"][0]["format"]) == (20, "mbox")
    assert rows[1] == {
        "date": "Mon, 06 May 2024 07:08:10 +0000",
        "from": "Ann <ann@shop.example>",
        "to": "us@shop.example",
        "subject": "Café 1",
        "labels": "Spam",
        "text": "One café, number 1\nFrom here on",
    }
    assert result["suggestion"]["columns"] == {"text": "text", "label": "labels"}


def chat_of(count: int = 20) -> str:
    first = "[12.05.24, 10:00:00] Our group: \u200eMessages and calls are end-to-end encrypted. Nobody can read them."
    return "\n".join([first, *(f"[12.05.24, 10:11:{n:02}] Ann: hello, number {n}" for n in range(count))])


@pytest.mark.parametrize(
    ("name", "content", "beside"),
    [
        ("_chat.txt", chat_of(), "00000012-PHOTO.jpg"),
        ("WhatsApp Chat with Ann.txt", chat_of(), "IMG-20240512.jpg"),
        ("Takeout/Mail/All mail.mbox", "From 17@xxx Mon May 06 07:08:10 +0000 2024\nFrom: a@b.example\nSubject: Hi\n\nHello\n\n" * 20, "Takeout/archive_browser.html"),
    ],
)  # fmt: skip
def test_chats_and_mail_in_the_archives_of_phones_and_takeout(
    name: str, content: str, beside: str, tmp_path: Path
) -> None:
    archive = zipped(tmp_path / "export.zip", {name: content.encode(), beside: b"<p>x</p>"})
    result = inspect([archive], tmp_path / "v1")
    told = {entry["reason"]: entry["count"] for entry in result["left_out"]}
    assert (result["rows"], told.pop("other_kind")) == (20, 1)
    assert told == ({} if "mbox" in name else {"notice": 1})


def app_store_feed(first: int, with_app: bool) -> str:
    entries: list[Any] = [
        {
            "author": {"uri": {"label": f"https://a/{n}"}, "name": {"label": f"user {n}"}, "label": ""},
            "updated": {"label": f"2024-05-0{1 + n % 9}T07:00:00-07:00"},
            "im:rating": {"label": str(1 + n % 5)},
            "id": {"label": str(900 + n)},
            "title": {"label": "Hm"},
            "content": {"label": f"It was quite fine for order {n}", "attributes": {"type": "text"}},
            "link": {"attributes": {"rel": "related", "href": "https://x"}},
        }
        for n in range(first, first + 12)
    ]
    app = {"im:name": {"label": "Maps"}, "title": {"label": "Maps"}, "im:image": [{"label": "https://a/5.png"}]}
    links = [{"attributes": {"rel": name}} for name in ("alternate", "self")]
    return json.dumps(
        {"feed": {"author": {"name": {"label": "Store"}}, "entry": [app] * with_app + entries, "link": links}}
    )


def test_pages_of_apples_feed_of_reviews_are_read_without_their_wrappings(tmp_path: Path) -> None:
    for page in (1, 2):
        (tmp_path / f"page{page}.json").write_text(app_store_feed(12 * page, page == 1))
    result = inspect([tmp_path / "page1.json", tmp_path / "page2.json"], tmp_path / "v1")
    row = pq.read_table(tmp_path / "v1" / "data.parquet").to_pylist()[0]
    assert (result["rows"], result["suggestion"]["columns"]) == (24, {"text": "content", "label": "im:rating"})
    assert (row["author.name"], row["content"], row["im:rating"]) == ("user 12", "It was quite fine for order 12", "3")
    assert [(entry["reason"], entry["count"]) for entry in result["left_out"]] == [("other", 1)]
