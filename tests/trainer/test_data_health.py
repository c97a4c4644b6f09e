"""The closer look: near copies, labels that look wrong, columns that give the answer away, languages."""

import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from trainer.data import languages
from trainer.data.inspect import inspect

TOPICS = {
    "card": "my bank card {} was swallowed by the machine in the street near the station",
    "delivery": "the parcel {} with the shoes has not arrived at the door of the house yet",
    "refund": "please send the money for invoice {} back to the account of the company",
}
WORDS = [
    "amber",
    "basil",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "ivory",
    "jolly",
    "karma",
    "lemon",
    "maple",
    "noble",
    "ocean",
    "pearl",
    "quartz",
    "raven",
    "solar",
    "tulip",
]


def message(topic: str, number: int) -> str:
    return TOPICS[topic].format(
        f"{WORDS[number % 20]} {WORDS[(number * 7 + 3) % 20]} {WORDS[(number // 20 * 3 + 5) % 20]} {number}"
    )


def table(path: Path, pairs: list[tuple[str, str]]) -> Path:
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in pairs))
    return path


def told(result: dict, code: str) -> dict | None:
    return next((one for one in result["problems"] if one["code"] == code), None)


def test_near_copies_across_the_split_are_found_and_removed(tmp_path: Path) -> None:
    base = "a long sentence about subject number {0}: {1} which nobody else has ever written down in this way {2}"
    different = [base.format(n, " ".join(WORDS[(n * k + k) % 20] for k in range(1, 14)), n * n) for n in range(100)]
    learned = [(text, "ab"[n % 2]) for n, text in enumerate(different)]
    tested = [(text.replace("written", "wrote"), "ab"[n % 2]) for n, text in enumerate(different[:10])]
    tested += [
        (f"{n} quite another thing: {' '.join(WORDS[(n * k) % 20] for k in range(3, 12))}", "ab"[n % 2])
        for n in range(10)
    ]
    files = [table(tmp_path / "x_train.csv", learned), table(tmp_path / "x_test.csv", tested)]
    result = inspect(files, tmp_path / "v1")
    found = told(result, "near_duplicates_across_split")
    assert found is not None
    assert found["rows"] == list(range(101, 111))
    mended = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["drop_near_duplicates"])
    assert (mended["rows"], mended["split"]["test"]) == (110, 10)
    assert told(mended, "near_duplicates_across_split") is None


def test_labels_that_look_wrong_are_named(tmp_path: Path) -> None:
    pairs = [(message(topic, n), topic) for n in range(60) for topic in TOPICS]
    wrong = [5, 50, 120]
    for row in wrong:
        text, label = pairs[row]
        pairs[row] = text, "card" if label != "card" else "refund"
    found = told(inspect([table(tmp_path / "a.csv", pairs)], tmp_path / "v1"), "probable_mislabels")
    assert found is not None
    assert sorted(found["rows"]) == [row + 1 for row in wrong]
    mended = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["drop_mislabels"])
    assert mended["rows"] == len(pairs) - len(wrong)


def test_suggested_labels_are_accepted_and_every_row_keeps_its_part(tmp_path: Path) -> None:
    pairs = [(message(topic, n), topic) for n in range(60) for topic in TOPICS]
    right = {row: pairs[row][1] for row in (5, 50, 120)}
    for row, label in right.items():
        pairs[row] = pairs[row][0], "card" if label != "card" else "refund"
    before = inspect([table(tmp_path / "a.csv", pairs)], tmp_path / "v1")
    found = told(before, "probable_mislabels")
    assert found is not None
    assert {one["row"] - 1: one["suggested"] for one in found["suggestions"]} == right
    assert [fix["action"] for fix in found["fixes"]] == ["accept_mislabels", "drop_mislabels"]
    after = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["accept_mislabels"])
    assert (after["rows"], after["split"]["test"]) == (len(pairs), before["split"]["test"])
    labels = pq.read_table(tmp_path / "v2" / "data.parquet").column("label").to_pylist()
    assert {row: labels[row] for row in right} == right
    parts = [pq.read_table(tmp_path / version / "split.parquet") for version in ("v1", "v2")]
    assert parts[0].equals(parts[1])
    assert told(after, "probable_mislabels") is None


def test_all_safe_fixes_make_one_version(tmp_path: Path) -> None:
    pairs = [(message(topic, n), topic) for n in range(60) for topic in TOPICS]
    pairs += [pairs[0], pairs[1], (message("card", 300), "Card "), ("", "card"), (message("card", 301), "")]
    before = inspect([table(tmp_path / "a.csv", pairs)], tmp_path / "v1")
    safe = [one["fix"]["action"] for one in before["problems"] if one["fix"] and one["fix"]["safe"]]
    assert {"drop_missing", "drop_duplicates", "merge_label_variants"} <= set(safe)
    after = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=list(reversed(safe)))
    assert after["rows"] == 60 * len(TOPICS) + 1
    assert not [one["code"] for one in after["problems"] if one["fix"] and one["fix"]["safe"]]


def test_clean_labels_are_left_alone(tmp_path: Path) -> None:
    pairs = [(message(topic, n), topic) for n in range(60) for topic in TOPICS]
    assert told(inspect([table(tmp_path / "a.csv", pairs)], tmp_path / "v1"), "probable_mislabels") is None


def test_a_column_that_gives_the_answer_away(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = []
    for n in range(400):
        churned = int(random.integers(0, 2))
        lines.append(
            f"{n},{random.normal():.3f},{random.integers(18, 80)},{'closed' if churned else 'open'},{random.choice(['a', 'b'])},{churned}"
        )
    (tmp_path / "a.csv").write_text("id,score,age,account,plan,churned\n" + "\n".join(lines))
    result = inspect([tmp_path / "a.csv"], tmp_path / "v1")
    found = told(result, "leakage")
    assert found is not None
    assert found["examples"] == ["account"]
    mended = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["drop_leaking_columns"])
    assert "account" not in {one["name"] for one in mended["columns"]}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the order is on the way to you and it was sent with care", "English"),
        ("ich habe das paket nicht und es ist auf dem weg zu mir", "German"),
        ("je ne suis pas sur que le colis est dans la boîte pour vous", "French"),
        ("酒店的环境很好", "Chinese"),
        ("これはペンです", "Japanese"),
        ("Where is my order?", "English"),
        ("Wo bleibt meine Bestellung?", "German"),
        ("Où est ma commande ?", "French"),
        ("¿Dónde está mi pedido?", "Spanish"),
        ("Dov'è il mio ordine?", "Italian"),
        ("Waar blijft mijn bestelling?", "Dutch"),
        ("Gdzie jest moje zamówienie?", "Polish"),
        ("Siparişim nerede kaldı?", "Turkish"),
        ("Đơn hàng của tôi đâu rồi?", "Vietnamese"),
        ("Var är min beställning?", "Swedish"),
        ("Здравствуйте, когда привезут мой заказ?", "Russian"),
        ("أين طلبي؟", "Arabic"),
        ("मेरा ऑर्डर कहाँ है?", "Hindi"),
        ("주문이 아직 안 왔어요", "Korean"),
        ("請問我的訂單在哪裡", "Chinese"),
        ("東京駅で待っています", "Japanese"),
        ("我的iPhone还没到 please help", "Chinese"),
        ("Mia mendo ankoraŭ ne alvenis, kie ĝi estas?", "eo"),
        *((text, None) for text in ("", "  ", "42", "3.14 %", "!?", "\N{GRINNING FACE}", "ok", "SKU-1234")),
    ],
)
def test_languages(text: str, language: str | None) -> None:
    assert languages.detect_language(text) == language


def test_thousands_of_texts_are_named_quickly() -> None:
    """Processor time, with room for a slow machine; the model is loaded once a process."""
    texts = [TOPICS["card"].format(number) * 5 for number in range(2_000)]
    languages.load_identifier()
    began = time.process_time()
    assert languages.count_languages(texts) == {"English": 2_000}
    assert time.process_time() - began < 4


def test_mixed_languages_are_told(tmp_path: Path) -> None:
    pairs = [(message(topic, n), topic) for n in range(20) for topic in TOPICS]
    pairs += [(f"这是第{n}条关于订单的留言，请尽快处理", "card") for n in range(10)]
    found = told(inspect([table(tmp_path / "a.csv", pairs)], tmp_path / "v1"), "mixed_languages")
    assert found is not None
    assert "Chinese" in found["message"]


def mixed_table(tmp_path: Path) -> Path:
    """With an identifier, a constant and an empty column, and numbers that are missing in letters."""
    lines = ["id,size,shop,note,target"]
    for number in range(60):
        size = ("N/A", "null", " ")[number] if number < 3 else str(number * 7 % 50 + 0.5)
        lines.append(f"C{number:04d},{size},north,,{'yes' if number % 2 else 'no'}")
    path = tmp_path / "shops.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_missing_in_letters_is_told_and_emptied(tmp_path: Path) -> None:
    found = told(inspect([mixed_table(tmp_path)], tmp_path / "v1"), "missing_spellings")
    assert found["count"] == 2
    assert found["rows"] == [1, 2]
    assert found["examples"] == ["N/A", "null"]
    mended = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=[found["fix"]["action"]])
    assert told(mended, "missing_spellings") is None
    assert pq.read_table(tmp_path / "v2" / "data.parquet").column("size").to_pylist()[:2] == [None, None]


@pytest.mark.parametrize(
    ("code", "left"), [("empty_columns", "note"), ("constant_columns", "shop"), ("identifier_columns", "id")]
)
def test_columns_that_say_nothing_can_be_left_out(code: str, left: str, tmp_path: Path) -> None:
    found = told(inspect([mixed_table(tmp_path)], tmp_path / "v1"), code)
    assert found["examples"] == [left]
    mended = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=[found["fix"]["action"]])
    assert told(mended, code) is None
    assert left not in [column["name"] for column in mended["columns"]]


@pytest.mark.parametrize(("task", "inputs"), [("tabular-regression", {}), ("text-regression", {"text": "text"})])
@pytest.mark.parametrize(
    ("price", "code"),
    [
        (lambda _row: "5", "one_value"),
        (lambda row: "$5.00" if row % 2 else "5", "one_value"),
        (lambda row: "cheap" if row % 2 else "dear", "one_value"),
        (lambda row: str(row) if row < 5 else "dear", "not_numbers"),
        (lambda row: str(row) if row < 5 else "", "too_few_rows"),
        (lambda row: "5" if row else "6", None),
    ],
)
def test_answers_that_are_all_one_number_are_in_the_way(
    task: str, inputs: dict[str, str], price: Callable[[int], str], code: str | None, tmp_path: Path
) -> None:
    """Told while the data are read, not by a run that dies."""
    lines = [f"{row * 37 % 90},a message about {WORDS[row % 20]} {row},{price(row)}" for row in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["size,text,price", *lines]))
    columns = inputs | {"target": "price"}
    found = inspect([tmp_path / "a.csv"], tmp_path / "v1", task=task, columns=columns)
    assert [one["code"] for one in found["problems"] if one["severity"] == "error"] == ([code] if code else [])
    assert found["suggestion"]["trainable"] == (code is None)


def test_pictures_with_one_number_are_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for number in range(12):
        Image.new("RGB", (8, 8), (number * 20, 0, 0)).save(tmp_path / "set" / f"{number}.png")
    lines = ["file,price", *(f"{number}.png,5" for number in range(12))]
    (tmp_path / "set" / "rows.csv").write_text("\n".join(lines))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in (tmp_path / "set").iterdir():
            archive.write(path, path.name)
    columns = {"image": "image", "target": "price"}
    found = inspect([tmp_path / "set.zip"], tmp_path / "v1", task="image-regression", columns=columns)
    assert told(found, "one_value")["severity"] == "error"
    assert not found["suggestion"]["trainable"]
