"""Lists of references, access logs, and columns that say who wrote and are no label."""

import json
from pathlib import Path

import pytest

from tests.trainer.test_several_files import left, read, reading
from trainer.data.dataset import Dataset

TEXT = "We measured how patients fared under the new treatment, and found no harm"
RIS = "".join(
    f"TY  - JOUR\r\nAU  - Smith, J.\r\nAU  - Doe, A.\r\nTI  - Study {n}\r\nPY  - 20{n}\r\nAB  - {TEXT} {n}.\r\nMore of it.\r\n"
    f"KW  - cancer\r\nKW  - {'heart' if n % 2 else 'trial'}\r\nXX  - own\r\nER  - \r\n\r\n"
    for n in range(10, 40)
)
NBIB = "\n" + "".join(
    f"PMID- 300000{n}\nOWN - NLM\nDP  - 2020 Jan\nTI  - A long title\n      that goes on {n}\nAB  - {TEXT} {n}.\nFAU - Smith, John\nAU  - Smith J\n"
    f"FAU - Doe, Ann\nAU  - Doe A\nMH  - Humans\nMH  - {'Heart' if n % 2 else 'Lung'}\n\n"
    for n in range(10, 40)
)
ENDNOTE = "".join(
    f"%0 Journal Article\n%T Study {n}\n%A Smith, J\n%A Doe, A\n%D 20{n}\n%X {TEXT} {n}.\n\n" for n in range(10, 40)
)
SCIENCE = (
    "\ufeffFN Clarivate Analytics Web of Science\nVR 1.0\n"
    + "".join(
        f"PT J\nAU Smith, J\n   Doe, A\nTI Study\n   {n}\nAB {TEXT} {n}.\nDE cancer; heart {n % 2}\nER\n\n"
        for n in range(10, 40)
    )
    + "EF\n"
)
BIBTEX = '% made by a program\n@string{j = "Journal"}\n@comment{none}\n' + "".join(
    f'@article{{key{n},\n  title = {{Study {n} of {{RNA}}}},\n  author = {{Smith, J. and Doe, A.}},\n  year = 20{n},\n  journal = j # " of it",\n'
    f'  abstract = "{TEXT} {{\\"o}} {n}.",\n  keywords = {{cancer, heart {n % 2}}}\n}}\n\n'
    for n in range(10, 40)
)
AUTHORS = {"RIS": ["Smith, J.", "Doe, A."], "MEDLINE": ["Smith J", "Doe A"], "BibTeX": ["Smith, J.", "Doe, A."]}


def row(dataset: Dataset, place: int = 0) -> dict[str, str | None]:
    return {name: dataset.column(name)[place].as_py() for name in dataset.names}


@pytest.mark.parametrize(
    ("name", "content", "form", "title", "labels"),
    [
        ("a.ris", RIS, "RIS", "Study 10", "keywords"),
        ("a.txt", RIS, "RIS", "Study 10", "keywords"),
        ("a.nbib", NBIB, "MEDLINE", "A long title that goes on 10", "mesh terms"),
        ("a.enw", ENDNOTE, "EndNote", "Study 10", None),
        ("wos.txt", SCIENCE, "Web of Science", "Study 10", "keywords"),
        ("a.bib", BIBTEX, "BibTeX", "Study 10 of RNA", "keywords"),
    ],
)
def test_references_are_rows(
    name: str, content: str, form: str, title: str, labels: str | None, tmp_path: Path
) -> None:
    dataset = read(tmp_path, {name: content})
    assert (dataset.rows, dataset.left_out, reading(dataset, "form")["chosen"]) == (30, [], form)
    first = row(dataset)
    assert first["title"] == title
    assert (first["abstract"] or "").startswith(TEXT)
    assert json.loads(first["authors"] or "") == AUTHORS.get(form, ["Smith, J", "Doe, A"])
    assert dataset.roles == ({"text": "abstract", "labels": labels} if labels else {})


def test_further_lines_and_unknown_tags_of_references_stay(tmp_path: Path) -> None:
    first = row(read(tmp_path, {"a.ris": RIS}))
    assert (first["abstract"], first["XX"]) == (f"{TEXT} 10. More of it.", "own")


def test_what_is_no_reference_is_told(tmp_path: Path) -> None:
    cut = BIBTEX.replace("title = {Study 12 of {RNA}},", "title = {Study 12 of {RNA},")
    dataset = read(tmp_path, {"a.bib": cut})
    assert (dataset.rows, left(dataset)) == (29, [("unreadable", 1)])
    stray = read(tmp_path / "ris", {"a.ris": RIS.replace("ER  - \r\n", "ER  - \r\nstray\r\n", 1)})
    assert (stray.rows, left(stray)) == (30, [("unreadable", 1)])


LOG = "".join(
    f'192.168.0.{n} - {"-" if n % 2 else "ann"} [10/Oct/2023:13:{n}:36 -0700] "{"GET" if n % 3 else "POST"} /a?x=\\"{n}, b HTTP/1.1" '
    f'{200 if n % 4 else 404} {n * 7 if n % 5 else "-"} "https://ex.org/{n}" "Mozilla/5.0 (X11, like Gecko)"\n'
    for n in range(10, 50)
)


def test_access_logs_are_tables(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"access.log": LOG + "no request\n"})
    assert (dataset.rows, left(dataset)) == (40, [("unreadable", 1)])
    assert row(dataset) == {
        "host": "192.168.0.10", "ident": None, "user": "ann", "time": "10/Oct/2023:13:10:36 -0700", "method": "GET", "path": '/a?x="10, b',
        "protocol": "HTTP/1.1", "status": "200", "bytes": None, "referrer": "https://ex.org/10", "user_agent": "Mozilla/5.0 (X11, like Gecko)",
    }  # fmt: skip
    kinds = {column["name"]: column["kind"] for column in dataset.profile}
    assert (kinds["time"], kinds["bytes"]) == ("date", "number")


def test_common_logs_and_those_with_more_fields(tmp_path: Path) -> None:
    common = "".join(line.split(' "https')[0] + "\n" for line in LOG.splitlines())
    assert read(tmp_path, {"a.txt": common}).names[-1] == "bytes"
    wider = "".join(f"example.org:443 {line} 0.0{n}\n" for n, line in enumerate(LOG.splitlines()))
    first = row(read(tmp_path / "wider", {"access.log": wider}))
    assert (first["site"], first["host"], first["rest"]) == ("example.org:443", "192.168.0.10", "0.00")


MAIL = "".join(
    f"From ann{n % 3}@x.org Sat May  4 10:11:12 2024\nFrom: ann{n % 3}@x.org\nTo: me@x.org\nSubject: About trial {n}\n\n{TEXT} {n}\n\n"
    for n in range(60)
)
DISCORD = json.dumps(
    {"guild": {"id": "1"}, "channel": {"id": "2"}, "messages": [
        {"id": str(n), "type": "Default" if n else "ChannelPinnedMessage", "timestamp": "2024-01-01T10:00:00+00:00", "content": f"{TEXT} {n}" if n % 9 else "",
         "author": {"id": str(n % 3), "name": f"ann{n % 3}", "nickname": ""}, "attachments": [], "embeds": [], "reference": {"messageId": "3"}}
        for n in range(60)
    ]}
)  # fmt: skip
DISCORD_TABLE = "AuthorID,Author,Date,Content,Attachments,Reactions\n" + "".join(
    f'"{n % 3}","ann{n % 3}","2024-01-01T10:{n:02}:00+00:00","{TEXT} {n}","{"" if n % 4 else "https://a.org/" + str(n % 3) + ".png"}",""\n' for n in range(60)
)  # fmt: skip
CHAT = "".join(f"12/05/2024, 10:{n:02} - Ann{n % 3}: {TEXT} {n}\n" for n in range(60))
OUTLOOK = '"Subject","Body","From: (Name)","From: (Address)","To: (Name)"\n' + "".join(
    f'"About trial {n}","{TEXT} {n}","Ann{n % 3}","ann{n % 3}@x.org","Me"\n' for n in range(60)
)
TABLE = "date,from,to,subject,message\n" + "".join(f"2024-01-0{1 + n % 9},ann{n % 3}@x.org,me{n % 2}@x.org,About trial {n},\"{TEXT} {n}\"\n" for n in range(60))  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.mbox", MAIL),
        ("a.json", DISCORD),
        ("a.csv", DISCORD_TABLE),
        ("chat.txt", CHAT),
        ("outlook.csv", OUTLOOK),
        ("mail.csv", TABLE),
    ],
)
def test_who_wrote_is_no_label(name: str, content: str, tmp_path: Path) -> None:
    dataset = read(tmp_path, {name: content})
    assert (dataset.task, dataset.roles) == (None, {})
    assert not any(entry["reason"] == "unreadable" for entry in dataset.left_out)


def test_discord_tells_what_nobody_wrote(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"a.json": DISCORD})
    assert (dataset.rows, sorted(left(dataset))) == (53, [("media", 6), ("notice", 1)])
    assert dataset.names == ["id", "time", "author", "reply_to", "text"]
    assert row(dataset)["reply_to"] == "3"


def test_a_label_of_mails_is_still_one(tmp_path: Path) -> None:
    lines = TABLE.splitlines()
    labelled = "\n".join(
        [f"{lines[0]},urgency", *(f"{line},{'high' if n % 2 else 'low'}" for n, line in enumerate(lines[1:]))]
    )
    assert read(tmp_path, {"mail.csv": labelled}).roles.get("label", "urgency") == "urgency"


SYSLOG = "".join(f"May  4 10:{n}:12 host sshd[{n}]: {TEXT} {n}\n" for n in range(10, 40))
PROGRAM = "".join(
    f"2024-05-04 10:{n}:12,123 {'ERROR' if n % 2 else 'INFO'} app.db - {TEXT} {n}\n"
    + ("Traceback:\n  line 3\n" if n % 9 == 0 else "")
    for n in range(10, 40)
)
NGINX = "".join(f"2024/05/04 10:{n}:12 [error] 12#12: *{n} {TEXT}, client: 1.2.3.4\n" for n in range(10, 40))
LARAVEL = "".join(f"[2024-05-04 10:{n}:12] prod.ERROR: {TEXT} {n}\n" for n in range(10, 40))
W3C = "#Software: IIS\n#Version: 1.0\n#Fields: date time cs-method cs-uri-stem sc-status\n" + "".join(
    f"2024-05-04 10:{n}:12 GET /a/{n} {200 if n % 2 else '-'}\n" for n in range(10, 40)
)


@pytest.mark.parametrize(
    ("content", "columns", "first"),
    [
        (SYSLOG, ["time", "host", "program", "pid", "text"], ["May  4 10:10:12", "host", "sshd", "10", f"{TEXT} 10"]),
        (
            PROGRAM,
            ["time", "level", "source", "text"],
            ["2024-05-04 10:10:12,123", "INFO", None, f"app.db - {TEXT} 10"],
        ),
        (
            NGINX,
            ["time", "level", "source", "text"],
            ["2024/05/04 10:10:12", "error", None, f"12#12: *10 {TEXT}, client: 1.2.3.4"],
        ),
        (LARAVEL, ["time", "level", "source", "text"], ["2024-05-04 10:10:12", "ERROR", "prod", f"{TEXT} 10"]),
        (
            W3C,
            ["date", "time", "cs-method", "cs-uri-stem", "sc-status"],
            ["2024-05-04", "10:10:12", "GET", "/a/10", None],
        ),
    ],
)
def test_logs_have_a_row_for_each_entry(
    content: str, columns: list[str], first: list[str | None], tmp_path: Path
) -> None:
    dataset = read(tmp_path, {"a.log": content})
    assert (dataset.rows, dataset.names, list(row(dataset).values()), left(dataset)) == (30, columns, first, [])


def test_what_follows_an_entry_belongs_to_it(tmp_path: Path) -> None:
    assert (row(read(tmp_path, {"a.log": PROGRAM}), 8)["text"] or "").endswith(f"{TEXT} 18\nTraceback:\n  line 3")


def test_tables_with_times_are_no_logs(tmp_path: Path) -> None:
    for number, mark in enumerate(",;\t"):
        lines = "".join(f"2024-05-04 10:{n}:12{mark}{'error' if n % 2 else 'info'}{mark}{n}\n" for n in range(10, 40))
        assert len(read(tmp_path / str(number), {"a.txt": lines}).names) == 3


def test_a_second_row_of_names_under_names_that_come_again(tmp_path: Path) -> None:
    survey = "Q1,Q1,Q2\nLike,Dislike,Score\n" + "".join(f"the look {n},the price {n},{n % 5}\n" for n in range(40))
    dataset = read(tmp_path, {"a.csv": survey})
    assert (dataset.rows, dataset.names) == (40, ["Q1: Like", "Q1: Dislike", "Q2: Score"])
