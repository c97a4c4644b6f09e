"""Chats and mail as text files: an export of WhatsApp, and mailboxes (mbox) as Gmail Takeout writes them, a message a row."""

import email
import email.policy
import email.utils
import re
from collections.abc import Iterator
from email.message import EmailMessage
from html import unescape
from itertools import chain
from typing import Any

from trainer.data.exports.base import Conversion
from trainer.data.readings import Reading
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import BATCH_ROWS, INVISIBLE, Columns, Table, as_text
from trainer.messages import _, joined, ngettext

DATE = r"\d{1,4}[./\-年년] ?\d{1,2}[./\-月월] ?\d{1,4}[.日일]?"
CLOCK = r"\d{1,2}(?:[:.h]|시 ?)\d{2}(?:[:.]\d{2})?"
HALF = r"(?:[AaPp]\.?[\s\u00a0\u202f]?[Mm]\.?|上午|下午|凌晨|早上|中午|晚上|오전|오후|午前|午後|[صم]|SA|CH|öö|ös|πμ|μμ|de\. ?|du\. ?)"
MESSAGE = re.compile(
    rf"[\u200e\u200f]*\[?(?P<time>{DATE}(?:\.? ?г\.)?[,،]?[\s\u00a0\u202f](?:klo |um |à |alle |às |kl\. |o )?(?:{HALF}\s?)?{CLOCK}"
    rf"(?:[\s\u00a0\u202f]?{HALF})?)(?:\]| [-–]|,) ?[\u200e\u200f]?(?:(?P<author>[^:\n]{{1,80}}?) ?: )?(?P<text>.*)"
)
"""How WhatsApp begins a message: Android “12/05/2024, 10:11 - Ann: …”, iPhone “[12.05.24, 10:11:12] Ann: …”, with the dates, clocks and
halves of the day of the phone's language (“2024/5/12 上午10:11 - …”, “[12.5.2024 klo 10.11.12] …”)."""
OMITTED = re.compile(
    r"[\u200e\u200f]*(<[^<>]{3,60}(omitted|ausgeschlossen|weggelassen|omis|omitid[oa]s?|omess[oi]|oculto|ocult[ao]|weggelaten|utelämnad|pominięto|пропущен\w*|"
    r"dahil edilmedi|省略|忽略|생략\w*)>|(image|video|audio|GIF|sticker|document|Contact card)( note)? omitted|"
    r"(Bild|Video|Audio|Sticker|GIF|Dokument) weggelassen|图像已忽略|<附件：[^<>]*>|<(attached|anexado|adjunto|pièce jointe|Anhang|allegato|附件)[:：][^<>]*>|"
    r"\S+\.(jpg|jpeg|png|webp|mp4|opus|m4a|pdf|vcf) \(([^()]{4,40})\))\s*",
    re.IGNORECASE,
)  # fmt: skip
"""The whole text of a message that is a picture or a sound which was not exported."""
NOTICE = re.compile(
    r"[\u200e\u200f]*(messages and calls are end-to-end encrypted|nachrichten und anrufe sind ende-zu-ende|les messages et (les )?appels sont chiffrés|"
    r"los mensajes y las llamadas est[aá]n cifrad|as mensagens e (as )?(chamadas|ligações) são protegidas|i messaggi e le chiamate sono crittografat|"
    r"berichten en oproepen worden|消息和通话.{0,6}加密|you were added[\s.]*$|you created (this group|group [“\"'].{1,100}[”\"'])[\s.]*$)",
    re.IGNORECASE,
)
"""What the program says in the name of the chat, as iPhones export it: people write “you were added to …” themselves."""
PROGRAM = "\u200e"
"""What stands in front of all that the program says in the name of a person, as iPhones export it: calls, polls, deleted messages."""
DELETED = re.compile(
    r"(this message was deleted|you deleted this message|(diese nachricht wurde|du hast diese nachricht) gelöscht|(esta )?mensagem (foi )?apagada|"
    r"(você apagou|apagou) esta mensagem|se eliminó este mensaje|eliminaste este mensaje|(este )?mensaje eliminado|ce message a été supprimé|"
    r"vous avez supprimé ce message|questo messaggio è stato eliminato|hai eliminato questo messaggio|(dit bericht is|je hebt dit bericht) verwijderd|"
    r"(данное )?сообщение удалено|вы удалили данное сообщение|(此|该)消息已删除|你删除了(此|这条)消息|このメッセージは削除されました|bu mesaj silindi|ta wiadomość została usunięta)[.。!]?",
    re.IGNORECASE,
)  # fmt: skip
EDITED = re.compile(
    r"\s*\u200e?<[^<>]{0,30}(edited|bearbeitet|editad[ao]|editó|modifiée?|modificato|bewerkt|изменено|已编辑|編集|düzenlendi|edytowan)[^<>]{0,20}>$",
    re.IGNORECASE,
)
"""What the program writes behind a message that was changed later."""
LEVELS = frozenset(
    {
        "trace",
        "debug",
        "info",
        "notice",
        "warn",
        "warning",
        "error",
        "err",
        "severe",
        "critical",
        "crit",
        "fatal",
        "alert",
    }
)
"""First words of what programs write into their logs, which begin like messages."""
MOSTLY_LONG = 0.1
"""Share of the lines that must begin a message in a text whose first line does."""
MAX_MESSAGE_LINES = 400_000
MAX_TEXT = 200_000
MAIL_COLUMNS, CHAT_COLUMNS = ["date", "from", "to", "subject", "labels", "text"], ["time", "author", "text"]
MAIL_HEADER = re.compile(r"^[A-Za-z][A-Za-z0-9-]*:", re.MULTILINE)


def looks_like_whatsapp(sample: str) -> bool:
    lines = [line for line in sample.splitlines()[:200] if line.strip()]
    begun = [match for line in lines if (match := MESSAGE.fullmatch(line.strip()))]
    is_first = bool(lines) and MESSAGE.fullmatch(lines[0].strip()) is not None
    least = MOSTLY_LONG if is_first else 0.5  # messages of many lines
    if len(begun) < 3 or len(begun) <= least * len(lines):
        return False
    authors = [match["author"].strip() for match in begun if (match["author"] or "").strip()]
    logged = sum(re.split(r"[\W_]", author.strip("[]<>* "))[0].lower() in LEVELS for author in authors)
    return 2 * logged < len(authors) and (len(begun) > 0.5 * len(lines) or len(set(authors)) > 1)


def looks_like_mbox(sample: str) -> bool:
    first, _line_end, rest = sample.lstrip("\ufeff").partition("\n")
    return re.match(r"From \S+ ", first) is not None and len(MAIL_HEADER.findall(rest[:5_000])) >= 2


def whatsapp_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    """Columns time, author, text; what the program itself says (who joined, who left) and media that were not exported are left
    out and counted."""
    table = Table(name, "whatsapp", list(CHAT_COLUMNS), iter(()), size, details | {"export": "whatsapp"})
    table.batches = batches(read_chat(lines, table), CHAT_COLUMNS)
    table.apart = frozenset({"author"})
    table.readings.append(Reading("export", "WhatsApp", _("A chat of WhatsApp, a row for each message"), file=name))
    return table


def read_chat(lines: Lines, table: Table) -> Iterator[dict[str, str | None]]:
    conversion = Conversion("WhatsApp", table.name)
    message: dict[str, str | None] | None = None
    is_notice = False
    lines.keeps_directions = True
    for line in lines:
        lines.mark()
        text = line.strip("\r\n\ufeff")
        match = MESSAGE.fullmatch(text.strip())
        if match is None:
            if message is not None and len(message["text"] or "") < MAX_TEXT:
                message["text"] = f"{message['text']}\n{text}"
            elif text.strip() and not is_notice:
                table.refuse(lines.number, "belongs to no message")
            continue
        if message is not None and (sent := without_media(message, conversion)):
            yield sent
        message, is_notice = None, is_of_program(match["author"], match["text"].strip())
        if is_notice:
            conversion.leave_out("notice", {"text": match["text"]})
        else:
            message = {key: match[key].strip() for key in CHAT_COLUMNS}
    if message is not None and (sent := without_media(message, conversion)):
        yield sent
    table.left_out += conversion.all_left_out()


def is_of_program(author: str | None, text: str) -> bool:
    """Whether nobody wrote this: who joined, calls, deleted messages, a name of the group with a colon in it (“Ann changed the
    subject to "Trip: Rome"”)."""
    if not author or author.count('"') % 2 or author.count("“") > author.count("”"):
        return True
    is_media = OMITTED.fullmatch(text) is not None
    is_by_program = text.startswith(PROGRAM) and not EDITED.fullmatch(text)
    return NOTICE.match(text) is not None or DELETED.fullmatch(text) is not None or (is_by_program and not is_media)


def without_media(message: dict[str, str | None], conversion: Conversion) -> dict[str, str | None] | None:
    """The message without marks of the program, or None for a picture or a sound that has no text."""
    if OMITTED.fullmatch(message["text"] or "") is None:
        return {key: INVISIBLE.sub("", EDITED.sub("", value or "")) for key, value in message.items()}
    conversion.leave_out("media", {"text": message["text"]})
    return None


def mbox_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    """Columns date, from, to, subject, labels (of Gmail) and text: the plain part of each message, or its HTML without marks."""
    table = Table(name, "mbox", list(MAIL_COLUMNS), iter(()), size, details | {"export": "mbox"})
    table.batches = batches(read_mail(lines, table), MAIL_COLUMNS)
    table.suggested, table.apart = {"text": "text", "label": "labels"}, frozenset({"from", "to"})
    table.readings.append(Reading("export", "mbox", MAILBOX, file=name))
    return table


MAILBOX = _("A mailbox, a row for each message")


def read_mail(lines: Lines, table: Table) -> Iterator[dict[str, str | None]]:
    collected: list[str] = []
    envelope, start, is_blank, undated = "", 1, True, 0
    for line in chain(lines, ["\n", "From "]):
        lines.mark()
        if is_blank and line.startswith("From "):
            for fields in parse_mail(collected, table, start) if collected else ():
                undated += fields["date"] is None
                yield fields | {"date": fields["date"] or arrival_of(envelope)}
            collected, start, envelope = [], lines.number, line
        elif len(collected) < MAX_MESSAGE_LINES:
            collected.append(re.sub(r"^>(>*From )", r"\1", line.rstrip("\r\n")))
        is_blank = not line.strip()
    if undated:
        sentence = ngettext(
            "%(count)s has no date: that of its arrival is taken",
            "%(count)s have no date: that of their arrival is taken",
            undated,
        )
        table.readings[0].sentence = joined([MAILBOX, sentence], "; ")


def arrival_of(envelope: str) -> str | None:
    """The date of the line that begins a message in a mailbox (“From ann@x.org Sat May  4 10:11:12 2024”), in UTC unless it tells
    another zone (RFC 4155), as a mail's header has it."""
    moment = email.utils.parsedate_tz(envelope.partition(" ")[2].partition(" ")[2])
    try:
        return email.utils.formatdate(email.utils.mktime_tz(moment)) if moment else None
    except (ValueError, OverflowError):
        return None


def parse_mail(collected: list[str], table: Table, start: int) -> Iterator[dict[str, str | None]]:
    try:
        message = email.message_from_bytes("\n".join(collected).encode("utf-8", "replace"), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        fields = {
            name: as_text(str(message.get(name, "")).strip() or None) for name in ("date", "from", "to", "subject")
        }
        labels = as_text(str(message.get("X-Gmail-Labels", "")).strip() or None)
        yield fields | {"labels": labels, "text": as_text(body_of(message))}
    except (ValueError, LookupError, AttributeError, TypeError, AssertionError, IndexError, KeyError):
        table.refuse(start, "begins a message that cannot be read")


def body_of(message: EmailMessage) -> str:
    """The plain text of a message; its HTML without marks where it has no other."""
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    is_packed = str(part.get("content-transfer-encoding", "")).lower() in ("base64", "quoted-printable")
    charset = part.get_content_charset("utf-8") if is_packed else "utf-8"
    text = data.decode(charset, "replace")[:MAX_TEXT]
    if part.get_content_type() == "text/html":
        text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", " ", text)
        text = unescape(re.sub(r"<[^>]{0,2000}>", " ", text))
    return "\n".join(line.strip() for line in text.strip().splitlines())


def batches(rows: Iterator[dict[str, str | None]], columns: list[str]) -> Iterator[Columns]:
    collected: list[tuple[str | None, ...]] = []
    for row in rows:
        collected.append(tuple(row[name] for name in columns))
        if len(collected) >= BATCH_ROWS:
            yield list(zip(*collected, strict=True))
            collected = []
    if collected:
        yield list(zip(*collected, strict=True))
