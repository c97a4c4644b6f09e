"""Files that the tests of reading are made of."""

import csv
import io
import os
import struct
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SHARED = Path(os.environ.get("MAQUETTE_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")
MESSY = SHARED / "data" / "messy"
TEXTS = SHARED / "data" / "text_classification"
TABLES = SHARED / "data" / "tabular"


def rows(count: int = 60, labels: tuple[str, ...] = ("good", "bad", "fair")) -> list[tuple[str, str]]:
    return [(f"message number {number} about the order", labels[number % len(labels)]) for number in range(count)]


def write_csv(path: Path, pairs: list[tuple[str, str]], header: str = "text,label") -> Path:
    path.write_text("\n".join([header, *(f'"{text}",{label}' for text, label in pairs)]) + "\n", "utf-8")
    return path


def picture(colour: int = 0, size: tuple[int, int] = (24, 16), form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (colour % 256, colour // 256, 90)).save(buffer, form)
    return buffer.getvalue()


def sound(pitch: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "NONE"))
        file.writeframes((np.sin(np.arange(2000) * pitch / 50) * 20000).astype("<i2").tobytes())
    return buffer.getvalue()


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def classes(
    names: tuple[str, ...] = ("cat", "dog"), each: int = 8, form: Callable[[int], bytes] = picture
) -> dict[str, bytes]:
    suffix = "png" if form is picture else "wav"
    return {
        f"{name}/{number}.{suffix}": form(1 + place * each + number)
        for place, name in enumerate(names)
        for number in range(each)
    }  # fmt: skip


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    """The least that Excel's format asks for, texts inline."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
        )
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        root = f'<Relationship Id="r0" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{package}">{root}</Relationships>')
        listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>'
        )
        links = "".join(
            f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(sheets) + 1)
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{links}</Relationships>',
        )
        for n, rows in enumerate(sheets.values(), 1):
            cells = "".join(
                f'<row r="{r}">'
                + "".join(
                    f'<c r="{chr(64 + c)}{r}" t="inlineStr"><is><t>{cell}</t></is></c>'
                    if isinstance(cell, str)
                    else f'<c r="{chr(64 + c)}{r}"><v>{cell}</v></c>'
                    for c, cell in enumerate(row, 1)
                    if cell is not None
                )
                + "</row>"
                for r, row in enumerate(rows, 1)
            )
            archive.writestr(
                f"xl/worksheets/sheet{n}.xml", f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
            )
    return buffer.getvalue()  # fmt: skip


def old_records(*records: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in records)


def old_container(stream: bytes) -> bytes:
    """A compound file with one stream, “Workbook”: header, a table of sectors, a directory, the stream ([MS-CFB])."""
    stream = stream.ljust(4096, b"\0")
    sectors = -(-len(stream) // 512)
    table = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + sectors), 0xFFFFFFFE]
    head = struct.pack("<8s16x5H6x", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + struct.pack("<I", 0)
    head += b"\xff" * (512 - len(head))

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        words = name.encode("utf-16-le") + b"\0\0"
        places = struct.pack("<HBBIII", len(words), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        return words.ljust(64, b"\0") + places + b"\0" * 36 + struct.pack("<IQ", start, size)

    folder = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 2, len(stream))
    packed = struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff")
    return head + packed + folder.ljust(512, b"\0") + stream.ljust(512 * sectors, b"\0")


def old_workbook(*cells: tuple[int, int]) -> bytes:
    """A BIFF8 workbook with one sheet: words in row 0, numbers below; `cells`: row and column from 0."""
    begin = (0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
    page = (0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    start = len(old_records(begin, (0x0085, b"\0" * 9), (0x000A, b"")))
    sheet = (0x0085, struct.pack("<IBBBB", start, 0, 0, 1, 0) + b"S")
    words = [(0x0204, struct.pack("<HHHHB", 0, column, 0, 1, 0) + b"ab"[column : column + 1]) for column in range(2)]
    numbers = [(0x0203, struct.pack("<HHHd", row, column, 0, row + column)) for row, column in cells if row]
    return old_container(old_records(begin, sheet, (0x000A, b""), page, *words, *numbers, (0x000A, b"")))


FORM_HEADER = (
    "Timestamp",
    "Which of our products do you use, and how often?",
    "What is the one thing, big or small, that we should build next?",
    "How likely are you to recommend us to a friend, from 0 to 10?",
    "Which team are you in?",
)


def form_export(count: int = 140) -> str:
    """What an online form exports: whole questions as the header, and a tick-box cell with commas inside."""
    ticked = ("API, Mobile app", "Web app", "API, Web app, Mobile app", "Mobile app")
    wishes = (
        "Please add dark mode, it hurts at night.",
        "Exports that keep the date, the time and the user.",
        "Nothing, it is fine.",
        'A "pause" button, so that I can go on later.',
    )
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(FORM_HEADER)
    for number in range(count):
        team = ("Sales", "Support", "Engineering")[number % 3]
        moment = f"2026/03/{number % 28 + 1:02} 9:{number % 60:02}:11 AM GMT+1"
        writer.writerow([moment, ticked[number % 4], f"{wishes[number % 4]} (answer {number})", number % 11, team])
    return buffer.getvalue()
