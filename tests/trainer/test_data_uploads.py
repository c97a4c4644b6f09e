"""Files as founders have them: archives of pictures and sounds, boxes, workbooks, tagged words, questions, plain text."""

import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.trainer.data_files import SHARED, classes, picture, sound, workbook, zipped
from trainer.data.inspect import inspect
from trainer.errors import DataError

DATA = SHARED / "data"


def refusal(path: Path, tmp_path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        inspect([path], tmp_path / "refused")
    assert caught.value.hint
    assert not (tmp_path / "refused").exists()
    return caught.value


def rows_of(out: Path) -> list[dict[str, Any]]:
    return pq.read_table(out / "data.parquet").to_pylist()


# Pictures and sounds


def test_class_folders_become_labels(tmp_path: Path) -> None:
    found = inspect([zipped(tmp_path / "a.zip", classes())], tmp_path / "v1")
    assert (
        found["suggestion"].pop("i18n")["sentence"]["text"]
        == "Predict %(label)s (%(classes)s classes) from the images."
    )
    assert found["suggestion"] == {
        "task": "image-classification",
        "columns": {"image": "image", "label": "label"},
        "sentence": "Predict label (2 classes) from the images.",
        "trainable": True,
        "roles": {
            "image": "input",
            "label": "answer",
            "file": "ignore",
            "width": "ignore",
            "height": "ignore",
            "mode": "ignore",
        },
        "chosen": {},
    }
    assert {one["label"]: one["count"] for one in found["labels"]} == {"cat": 8, "dog": 8}
    first = rows_of(tmp_path / "v1")[0]
    assert (first["width"], first["height"], first["file"]) == ("24", "16", "cat/0.png")
    assert (tmp_path / "v1" / "media" / first["image"]).read_bytes() == picture(1)


def test_folders_named_like_parts_divide(tmp_path: Path) -> None:
    files = {f"data/{part}/{name}": content for part, shift in (("train", 0), ("test", 40)) for name, content in {
        f"{label}/{n}.png": picture(shift + 10 * place + n) for place, label in enumerate("ab") for n in range(8)
    }.items()}  # fmt: skip
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert found["split"]["given"]
    assert found["split"]["test"] == 16
    assert {one["label"] for one in found["labels"]} == {"a", "b"}


def test_a_table_names_the_pictures(tmp_path: Path) -> None:
    files = {f"images/{n}.png": picture(n) for n in range(12)}
    table = "file_name,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(12)) + "gone.png,a\n"
    found = inspect([zipped(tmp_path / "a.zip", files | {"metadata.csv": table.encode()})], tmp_path / "v1")
    assert found["suggestion"]["task"] == "image-classification"
    assert found["rows"] == 12
    told = next(one for one in found["problems"] if one["code"] == "bad_rows")
    assert "gone.png" in told["message"]


def test_sounds_by_class_folder_and_beside_a_transcript(tmp_path: Path) -> None:
    found = inspect([zipped(tmp_path / "a.zip", classes(each=6, form=sound))], tmp_path / "v1")
    assert found["suggestion"]["task"] == "audio-classification"
    assert rows_of(tmp_path / "v1")[0]["rate"] == "8000"
    files = {f"clips/{n}.wav": sound(n + 1) for n in range(12)}
    table = "path,sentence\n" + "".join(f"clips/{n}.wav,the {n}th sentence that was spoken\n" for n in range(12))
    found = inspect([zipped(tmp_path / "b.zip", files | {"t.csv": table.encode()})], tmp_path / "v2")
    assert (found["suggestion"]["task"], found["suggestion"]["columns"]["text"]) == ("speech-recognition", "sentence")


def test_a_tar_is_read_like_a_zip(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name, data in classes().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("cat/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    found = inspect([tmp_path / "a.tar.gz"], tmp_path / "v1")
    assert found["rows"] == 16
    assert "is a link" in next(one for one in found["problems"] if one["code"] == "skipped_files")["message"]


def test_a_mended_version_keeps_its_pictures(tmp_path: Path) -> None:
    files = classes() | {"cat/again.png": picture(1)}
    inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    found = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["drop_duplicates"])
    assert found["rows"] == 16
    assert {row["image"] for row in rows_of(tmp_path / "v2")} == {
        path.name for path in (tmp_path / "v2" / "media").iterdir()
    }
    assert found["suggestion"]["task"] == "image-classification"


def test_idx_pairs(tmp_path: Path) -> None:
    pixels = np.arange(20 * 6 * 5, dtype=np.uint8).reshape(20, 6, 5)
    labels = np.arange(20, dtype=np.uint8) % 2
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + struct.pack(">3I", 20, 6, 5) + pixels.tobytes())
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + struct.pack(">I", 20) + labels.tobytes())
    files = [tmp_path / "t10k-images-idx3-ubyte", tmp_path / "t10k-labels-idx1-ubyte"]
    found = inspect(files, tmp_path / "v1")
    assert (found["rows"], found["suggestion"]["task"]) == (20, "image-classification")
    kept = Image.open(tmp_path / "v1" / "media" / rows_of(tmp_path / "v1")[3]["image"])
    assert np.array_equal(np.asarray(kept), pixels[3])
    files[0].write_bytes(files[0].read_bytes()[:-7])
    with pytest.raises(DataError, match="damaged"):
        inspect(files, tmp_path / "v2")


# Boxes


def test_yolo_shares_become_pixels(tmp_path: Path) -> None:
    files = {f"images/{n}.png": picture(n, (40, 20)) for n in range(12)}
    files |= {f"labels/{n}.txt": b"1 0.5 0.5 0.5 0.5\n" for n in range(12)}
    files["labels/3.txt"] = b"0 0.5 nan 0.5 0.5\n"
    found = inspect([zipped(tmp_path / "a.zip", files | {"classes.txt": b"cat\ndog\n"})], tmp_path / "v1")
    assert found["suggestion"]["task"] == "object-detection"
    rows = rows_of(tmp_path / "v1")
    assert json.loads(rows[0]["objects"]) == [{"label": "dog", "box": [10.0, 5.0, 20.0, 10.0]}]
    assert json.loads(next(row for row in rows if row["file"].endswith("/3.png"))["objects"]) == []
    assert "line 1 of labels/3.txt" in next(one for one in found["problems"] if one["code"] == "bad_boxes")["message"]


def test_voc_refuses_entities(tmp_path: Path) -> None:
    def annotation(number: int) -> bytes:
        return (
            f"<annotation><filename>{number}.png</filename><size><width>40</width><height>20</height></size><object><name>cat</name>"
            "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>11</xmax><ymax>12</ymax></bndbox></object></annotation>"
        ).encode()

    files = {f"i/{n}.png": picture(n, (40, 20)) for n in range(12)} | {f"a/{n}.xml": annotation(n) for n in range(12)}
    files["a/5.xml"] = (
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>'
    )
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert found["rows"] == 11
    assert json.loads(rows_of(tmp_path / "v1")[0]["objects"]) == [{"label": "cat", "box": [1.0, 2.0, 10.0, 10.0]}]
    assert "cannot be read safely" in str(found["problems"]) or "not XML" in str(found["problems"])


# Archives made to hurt


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes())
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 8] |= 1
        at += 4
    path.write_bytes(data)
    assert refusal(path, tmp_path).code == "encrypted"


def test_a_flat_bomb_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            with archive.open(f"cat/{number}.png", "w") as file:
                for _ in range(100):
                    file.write(bytes(1 << 20))
    error = refusal(tmp_path / "a.zip", tmp_path)
    assert error.code == "too_large"


def test_a_bomb_that_declares_less_is_cut_off(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes() | {"cat/big.png": bytes(5 << 20)})
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(b"cat/big.png")
        while at >= 0:
            start = data.rfind(magic, 0, at)
            if start >= 0 and at - start in (30, 46):
                data[start + offset : start + offset + 4] = struct.pack("<I", 100)
            at = data.find(b"cat/big.png", at + 1)
    path.write_bytes(data)
    found = inspect([path], tmp_path / "v1")
    assert found["rows"] == 16
    assert "cat/big.png" in str(found["problems"])


@pytest.mark.parametrize("name", ["../up.png", "/abs.png", "C:\\win.png", "cat\\..\\..\\up.png", "cat/\x07.png"])
def test_paths_that_leave_the_archive(name: str, tmp_path: Path) -> None:
    found = inspect([zipped(tmp_path / "a.zip", classes() | {name: picture(400)})], tmp_path / "v1")
    assert found["rows"] == 16
    assert "skipped_files" in {one["code"] for one in found["problems"]}


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", classes())
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("cat/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in str(inspect([path], tmp_path / "v1")["problems"])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "HTML or SVG"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "HTML or SVG"),
        (b"\x80\x04\x95 pickle", "not a picture"),
        (picture(1)[:60], "damaged or cut short"),
        (b"", "is empty"),
    ],
)
def test_disguised_and_broken_pictures_are_listed(data: bytes, words: str, tmp_path: Path) -> None:
    found = inspect([zipped(tmp_path / "a.zip", classes() | {"cat/bad.png": data})], tmp_path / "v1")
    told = next(one for one in found["problems"] if one["code"] == "corrupt_media")
    assert (found["rows"], told["files"]) == (16, ["cat/bad.png"])
    assert words in told["message"]


def test_a_picture_that_would_fill_the_memory(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    found = inspect([zipped(tmp_path / "a.zip", classes() | {"cat/bomb.png": buffer.getvalue()})], tmp_path / "v1")
    assert "20,000 × 20,000 pixels" in str(found["problems"])


def test_names_of_other_encodings(tmp_path: Path) -> None:
    files = {f"{n}.png": picture(n) for n in range(8)}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo("猫/".encode("gb18030").decode("cp437") + name)
            archive.writestr(info, data)
            archive.writestr("dog/" + name, data[:-1] + b"\x82")
    raw = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(raw)
    assert {one["label"] for one in inspect([tmp_path / "a.zip"], tmp_path / "v1")["labels"]} >= {"dog"}


# Tables in other clothes


def test_the_sheet_and_the_header_are_found(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["Support, first quarter", None, None], [None], ["No", "Message", "Topic"]]
    rows += [[n, f"my order number {n} has not come yet", "delivery" if n % 2 else "payment"] for n in range(30)]
    (tmp_path / "a.csv").write_bytes(workbook({"Read me": [["Made by Ada"]], "Messages": rows}))
    found = inspect([tmp_path / "a.csv"], tmp_path / "v1")
    assert found["rows"] == 30
    assert found["suggestion"]["columns"] == {"text": "Message", "label": "Topic"}
    assert (found["source"][0]["sheet"], found["source"][0]["header_row"]) == ("Messages", 3)


def test_tagged_words(tmp_path: Path) -> None:
    block = "Ada\tB-PER\nLovelace\tI-PER\nwrote\tO\n{n}\tO\n\n"
    (tmp_path / "a.txt").write_text("".join(block.replace("{n}", str(n)) for n in range(12)))
    found = inspect([tmp_path / "a.txt"], tmp_path / "v1")
    assert (found["rows"], found["suggestion"]["task"]) == (12, "token-classification")
    assert json.loads(rows_of(tmp_path / "v1")[0]["tags"]) == ["B-PER", "I-PER", "O", "O"]


def test_questions_on_paragraphs(tmp_path: Path) -> None:
    asked = [
        {"id": str(n), "question": f"Who is number {n}?", "answers": [{"text": "Ada", "answer_start": 0}]}
        for n in range(12)
    ]
    document = {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "Ada is first.", "qas": asked}]}]}
    (tmp_path / "a.json").write_text(json.dumps(document, indent=1))
    found = inspect([tmp_path / "a.json"], tmp_path / "v1")
    assert (found["rows"], found["suggestion"]["task"]) == (12, "question-answering")


CHAT = [
    {"messages": [{"role": "user", "content": f"ask {n}"}, {"role": "assistant", "content": f"say {n}"}]}
    for n in range(12)
]
SHARED_CHAT = [
    {"conversations": [{"from": "human", "value": f"ask {n}"}, {"from": "gpt", "value": "yes"}]} for n in range(12)
]
ALPACA = [
    {"instruction": f"Write a poem about {n} ducks.", "input": "", "output": f"There were {n} ducks on a lake."}
    for n in range(12)
]


@pytest.mark.parametrize(("rows", "role"), [(CHAT, "messages"), (SHARED_CHAT, "messages"), (ALPACA, "prompt")])
def test_instructions(rows: list[Any], role: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = inspect([tmp_path / "a.jsonl"], tmp_path / "v1")["suggestion"]
    assert found["task"] == "text-generation"
    assert role in found["columns"]


def test_plain_text_is_a_corpus(tmp_path: Path) -> None:
    text = "\n\n".join(f"Scene {n}.\nEnter the {n}th king, speaking, as kings do.\nHe goes." for n in range(15))
    (tmp_path / "a.txt").write_text(text)
    found = inspect([tmp_path / "a.txt"], tmp_path / "v1")
    assert (found["rows"], found["suggestion"]["task"]) == (15, "text-generation")
    assert found["source"][0]["format"] == "text"


def test_one_column_under_a_header_stays_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("review\n" + "".join(f"This is the {n}th sentence of many.\n" for n in range(20)))
    assert inspect([tmp_path / "a.csv"], tmp_path / "v1")["columns"][0]["name"] == "review"


def test_tables_in_a_zip_divide_by_name(tmp_path: Path) -> None:
    def table(start: int) -> bytes:
        return b"text,label\n" + b"".join(
            b"a message about thing %d,%s\n" % (n, b"xy"[n % 2 : n % 2 + 1]) for n in range(start, start + 20)
        )

    found = inspect([zipped(tmp_path / "a.zip", {"d/train.csv": table(0), "d/test.csv": table(50)})], tmp_path / "v1")
    assert (found["rows"], found["split"]["test"]) == (40, 20)


# What is on this machine only

REAL = {
    "image_classification/cats_dogs.zip": (260, "image-classification", "folders"),
    "image_classification/mnist_png_small.zip": (4000, "image-classification", "folders"),
    "audio/spoken_digits.zip": (1200, "audio-classification", "folders"),
    "audio/ljspeech_asr.zip": (32, "speech-recognition", "table"),
    "object_detection/bccd_coco.zip": (364, "object-detection", "coco"),
    "object_detection/raccoon_voc.zip": (100, "object-detection", "voc"),
    "corpus/tinyshakespeare.txt": (7222, "text-generation", "text"),
    "ner/wnut17_train.conll": (3394, "token-classification", "conll"),
    "ner/wnut17_dev.conll": (1009, "token-classification", "conll"),
    "ner/wnut17_test.conll": (1287, "token-classification", "conll"),
    "ner/resume_zh_train.jsonl": (3821, "token-classification", "jsonl"),
    "ner/resume_zh_dev.jsonl": (463, "token-classification", "jsonl"),
    "ner/resume_zh_test.jsonl": (477, "token-classification", "jsonl"),
    "text2text/alpaca_en.jsonl": (999, "text-generation", "jsonl"),
    "text2text/alpaca_zh.jsonl": (1000, "text-generation", "jsonl"),
    "text2text/dialogsum_train500.csv": (500, "summarization", "csv"),
    "text2text/dialogsum_test500.csv": (500, "summarization", "csv"),
    "text2text/multi30k_en_de_train.csv": (12000, "translation", "csv"),
    "text2text/multi30k_en_de_val.csv": (1014, "translation", "csv"),
    "text2text/multi30k_en_de_test.csv": (1000, "translation", "csv"),
    "text2text/xquad_en.json": (1190, "question-answering", "json"),
    "tabular/titanic.csv": (891, "tabular-classification", "csv"),
    "tabular/telco_churn.csv": (7043, "tabular-classification", "csv"),
    "tabular/german_credit.csv": (1000, "tabular-classification", "csv"),
    "tabular/california_housing.csv": (20640, "tabular-regression", "csv"),
    "text_classification/banking77_train.csv": (10003, "text-classification", "csv"),
    "text_classification/ag_news_train.csv": (6080, "text-classification", "csv"),
    "text_classification/sms_spam.csv": (5574, "text-classification", "csv"),
    "text_classification/chn_hotel_train.csv": (6213, "text-classification", "csv"),
}


@pytest.mark.skipif(not DATA.is_dir(), reason="the data sets are not on this machine")
@pytest.mark.parametrize("name", REAL)
def test_real_files_need_no_hand(name: str, tmp_path: Path) -> None:
    rows, task, form = REAL[name]
    found = inspect([DATA / name], tmp_path / "v1")
    assert (found["rows"], found["suggestion"]["task"], found["source"][0]["format"]) == (rows, task, form)
    assert not [one for one in found["problems"] if one["severity"] == "error"]


def test_bytes_of_no_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(np.random.default_rng(0).bytes(3_000))
    assert refusal(tmp_path / "a.bin", tmp_path).code == "not_a_table"
