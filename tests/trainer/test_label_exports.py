"""Exports of labelling tools as rows: texts with their labels, or tokens with their tags; what is not used is counted."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.data_files import zipped
from trainer.data.exports.spans import LONG, Span, choose_spans, guess_unit, tag_text, to_characters
from trainer.data.inspect import inspect
from trainer.errors import DataError

LABELS = ("refund", "delivery", "login")
COUNT = 30


def read(
    content: Any, place: Path, name: str = "export.json", **options: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(result, rows) of records as JSON lines or one document, or of a text as it is."""
    if name.endswith("jsonl"):
        content = "\n".join(json.dumps(record, ensure_ascii=False) for record in content)
    elif not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False)
    (place / name).write_text(content, "utf-8")
    result = inspect([place / name], place / "v1", **options)
    return result, pq.read_table(place / "v1" / "data.parquet").to_pylist()


def text_of(number: int) -> str:
    return f"{'📦 ' if number % 3 == 0 else ''}Order {number} for Mirta AG left Oslo on Monday."


def spans_of(number: int, is_utf16: bool = False) -> list[tuple[int, int, str, str]]:
    """(start, end, label, words) of the firm and the city."""
    text, spans = text_of(number), []
    for words, label in (("Mirta AG", "FIRM"), ("Oslo", "CITY")):
        start = text.index(words) + (is_utf16 and number % 3 == 0)
        spans.append((start, start + len(words), label, words))
    return spans


def left_out(result: dict[str, Any]) -> dict[str, int]:
    return {entry["reason"]: entry["count"] for entry in result["left_out"]}


# Classes of texts


def label_studio_task(number: int, *answers: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "annotations": list(answers),
        "data": {"text": text_of(number), "channel": "mail"},
        "predictions": [],
    }


def label_studio_answer(*labels: str, **fields: Any) -> dict[str, Any]:
    result = [{"value": {"choices": list(labels)}, "from_name": "topic", "to_name": "text", "type": "choices"}]
    return {"was_cancelled": False, "result": result if labels else []} | fields


CLASSES: dict[str, list[dict[str, Any]]] = {
    "label studio": [label_studio_task(n, label_studio_answer(LABELS[n % 3])) for n in range(COUNT)],
    "label studio json-min": [
        {"text": text_of(n), "id": n, "sentiment": LABELS[n % 3], "annotator": 1, "annotation_id": n, "lead_time": 2.5}
        for n in range(COUNT)
    ],
    "doccano": [{"id": n, "text": text_of(n), "label": [LABELS[n % 3]], "Comments": []} for n in range(COUNT)],
    "prodigy choice": [
        {"text": text_of(n), "options": [{"id": label, "text": label} for label in LABELS], "accept": [LABELS[n % 3]], "answer": "accept", "_input_hash": n, "_task_hash": n}
        for n in range(COUNT)
    ],
    "prodigy label": [
        {"text": text_of(n), "label": LABELS[n % 3], "answer": "accept", "_input_hash": n, "_task_hash": n} for n in range(COUNT)
    ],
    "argilla": [
        {"id": str(n), "status": "completed", "fields": {"text": text_of(n)}, "metadata": {}, "suggestions": {}, "responses": {"topic": [{"value": LABELS[n % 3], "user_id": "u"}]}}
        for n in range(COUNT)
    ],
    "argilla flat": [
        {"text": text_of(n), "topic.responses": [LABELS[n % 3]], "topic.responses.users": ["u"], "topic.responses.status": ["submitted"], "topic.suggestion": None}
        for n in range(COUNT)
    ],
    "argilla 1": [
        {"text": text_of(n), "prediction": None, "annotation": LABELS[n % 3], "annotation_agent": "u", "status": "Validated", "id": str(n)}
        for n in range(COUNT)
    ],
}  # fmt: skip


@pytest.mark.parametrize("tool", CLASSES)
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_classes_of_every_tool(tool: str, form: str, tmp_path: Path) -> None:
    result, rows = read(CLASSES[tool], tmp_path, f"export.{form}")
    assert (result["suggestion"]["task"], result["rows"], result["label_total"]) == ("text-classification", COUNT, 3)
    columns = result["suggestion"]["columns"]
    assert [row[columns["text"]] for row in rows] == [text_of(n) for n in range(COUNT)]
    assert [row[columns["label"]] for row in rows] == [LABELS[n % 3] for n in range(COUNT)]
    assert result["reading"][0]["what"] == "export"


def test_several_choices_are_a_list(tmp_path: Path) -> None:
    tasks = [label_studio_task(n, label_studio_answer(*LABELS[: 1 + n % 3])) for n in range(COUNT)]
    result, rows = read(tasks, tmp_path)
    assert result["suggestion"]["task"] == "multilabel-classification"
    assert [row["topic"] for row in rows[:2]] == ['["refund"]', '["refund", "delivery"]']


def test_the_csv_of_label_studio_holds_json_in_its_cells(tmp_path: Path) -> None:
    lines = ["annotation_id,annotator,created_at,id,lead_time,text,topic,updated_at"]
    lines += [f'{n},1,2024-05-06T07:08:10Z,{n},4.2,"{text_of(n)}","{{""choices"":[""{LABELS[n % 3]}"",""web""]}}",2024-05-06T07:08:10Z' for n in range(COUNT)]  # fmt: skip
    result, rows = read("\n".join(lines), tmp_path, "project-1.csv")
    assert result["suggestion"]["task"] == "multilabel-classification"
    assert rows[0]["topic"] == '["refund", "web"]'


def test_skipped_and_unlabelled_tasks_are_left_out_and_counted(tmp_path: Path) -> None:
    tasks = [label_studio_task(n, label_studio_answer(LABELS[n % 3])) for n in range(COUNT)]
    tasks += [label_studio_task(90 + n, label_studio_answer(was_cancelled=True)) for n in range(4)]
    tasks += [label_studio_task(99)]
    result, _rows = read(tasks, tmp_path)
    assert (result["rows"], left_out(result)) == (COUNT, {"skipped": 4, "unlabelled": 1})


def test_the_label_of_the_majority_is_used_and_the_agreement_stays(tmp_path: Path) -> None:
    tasks = [
        label_studio_task(n, *(label_studio_answer(label) for label in (LABELS[n % 3], LABELS[n % 3], "login")))
        for n in range(COUNT)
    ]
    result, rows = read(tasks, tmp_path)
    assert [(row["topic"], row["topic agreement"]) for row in rows[:3]] == [("refund", "0.667"), ("delivery", "0.667"), ("login", "1")]  # fmt: skip
    votes = next(entry for entry in result["reading"] if entry["what"] == "votes")
    assert votes["sentence"].startswith("30 records were labelled by several people")


def test_every_other_control_of_label_studio_is_a_column(tmp_path: Path) -> None:
    regions = [
        {"value": {"rating": 4}, "from_name": "stars", "type": "rating"},
        {"value": {"taxonomy": [["Animal", "Cat"]]}, "from_name": "kind", "type": "taxonomy"},
        {"value": {"text": ["a note", "more"]}, "from_name": "note", "type": "textarea"},
        {"value": {"number": 7}, "from_name": "count", "type": "number"},
        {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"},
    ]
    tasks = [label_studio_task(n, label_studio_answer(result=regions)) for n in range(COUNT)]
    result, rows = read(tasks, tmp_path)
    assert [rows[0][name] for name in ("stars", "kind", "note", "count")] == ["4", "Animal / Cat", "a note\nmore", "7"]
    assert "relations (30)" in next(entry for entry in result["reading"] if entry["what"] == "not_used")["sentence"]


def test_one_label_to_agree_with_is_a_question_of_yes_and_no(tmp_path: Path) -> None:
    records = [
        {"text": text_of(n), "label": "SPAM", "answer": ("accept", "reject", "ignore")[n % 3], "_input_hash": n, "_task_hash": n}
        for n in range(COUNT)
    ]  # fmt: skip
    result, rows = read(records, tmp_path, "a.jsonl")
    assert {row["label"] for row in rows} == {"SPAM", "not SPAM"}
    assert left_out(result) == {"ignored": 10}


def test_texts_as_answers_of_doccano_are_no_labels(tmp_path: Path) -> None:
    records = [{"id": n, "text": text_of(n), "label": [f"Bestellung {n} verließ Oslo am Montag, an Mirta AG."]} for n in range(COUNT)]  # fmt: skip
    _result, rows = read(records, tmp_path, "all.jsonl")
    assert rows[1]["target"] == "Bestellung 1 verließ Oslo am Montag, an Mirta AG."


# Marked passages


def passages(build: Any, is_utf16: bool = False) -> list[Any]:
    return [build(text_of(n), spans_of(n, is_utf16)) for n in range(COUNT)]


def as_label_studio(text: str, spans: list[Any]) -> dict[str, Any]:
    result = [{"value": {"start": a, "end": b, "text": words, "labels": [label]}, "from_name": "label", "to_name": "text", "type": "labels"} for a, b, label, words in spans]  # fmt: skip
    return {"id": 1, "annotations": [{"was_cancelled": False, "result": result}], "data": {"text": text}}


PASSAGES: dict[str, Any] = {
    "doccano": lambda text, spans: {"text": text, "label": [list(span[:3]) for span in spans]},
    "doccano relations": lambda text, spans: {
        "text": text,
        "entities": [{"id": 1, "label": label, "start_offset": a, "end_offset": b} for a, b, label, _w in spans],
        "relations": [],
    },
    "label studio": as_label_studio,
    "label studio json-min": lambda text, spans: {
        "text": text,
        "id": 1,
        "label": [{"start": a, "end": b, "text": words, "labels": [label]} for a, b, label, words in spans],
        "annotator": 1,
        "annotation_id": 1,
        "lead_time": 1.0,
    },
    "prodigy": lambda text, spans: {
        "text": text,
        "spans": [{"start": a, "end": b, "label": label, "token_start": 0, "token_end": 1} for a, b, label, _w in spans],
        "answer": "accept",
        "_input_hash": 1,
        "_task_hash": 1,
    },
    "argilla": lambda text, spans: {
        "fields": {"text": text},
        "status": "completed",
        "responses": {"ner": [{"value": [{"start": a, "end": b, "label": label} for a, b, label, _w in spans], "user_id": "u"}]},
    },
    "argilla 1": lambda text, spans: {
        "text": text,
        "tokens": text.split(),
        "prediction": None,
        "annotation": [[label, a, b] for a, b, label, _w in spans],
        "annotation_agent": "u",
        "status": "Validated",
    },
    "spacy pairs": lambda text, spans: [text, {"entities": [list(span[:3]) for span in spans]}],
    "spacy docs": lambda text, spans: {"text": text, "ents": [{"start": a, "end": b, "label": label} for a, b, label, _w in spans]},
}  # fmt: skip
TOKENS = ["Order", "1", "for", "Mirta", "AG", "left", "Oslo", "on", "Monday", "."]
TAGS = ["O", "O", "O", "B-FIRM", "I-FIRM", "O", "B-CITY", "O", "O", "O"]


@pytest.mark.parametrize("is_utf16", [False, True])
@pytest.mark.parametrize("tool", PASSAGES)
def test_passages_of_every_tool_are_tokens_and_tags(tool: str, is_utf16: bool, tmp_path: Path) -> None:
    """Whether the tool counts in code points or in UTF-16 units, which differ behind the emoji of every third text."""
    result, rows = read(passages(PASSAGES[tool], is_utf16), tmp_path)
    assert (result["suggestion"]["task"], result["rows"]) == ("token-classification", COUNT)
    assert (json.loads(rows[1]["tokens"]), json.loads(rows[1]["tags"])) == (TOKENS, TAGS)
    assert json.loads(rows[3]["tags"]) == ["O", *TAGS]
    assert next(entry for entry in result["reading"] if entry["what"] == "offsets")["chosen"] == ("utf16" if is_utf16 else "characters")  # fmt: skip


def test_annotations_with_their_classes_beside(tmp_path: Path) -> None:
    document = {"classes": ["FIRM", "CITY"], "annotations": [*passages(PASSAGES["spacy pairs"]), None]}
    result, _rows = read(document, tmp_path)
    assert (result["suggestion"]["task"], result["rows"]) == ("token-classification", COUNT)


def test_paragraphs_of_spacy_2(tmp_path: Path) -> None:
    tokens = [{"id": n, "orth": word, "ner": tag} for n, (word, tag) in enumerate(zip(TOKENS, ["O", "O", "O", "B-FIRM", "L-FIRM", "O", "U-CITY", "O", "O", "O"], strict=True))]  # fmt: skip
    document = [{"id": n, "paragraphs": [{"raw": text_of(1), "sentences": [{"tokens": tokens}]}]} for n in range(COUNT)]
    _result, rows = read(document, tmp_path)
    assert (json.loads(rows[1]["tokens"]), json.loads(rows[1]["tags"])) == (TOKENS, TAGS)


def test_passages_that_overlap_or_lie_outside_are_counted(tmp_path: Path) -> None:
    records = [
        {"text": text_of(n), "label": [[0, 2, "A"], [0, 5, "B"], [900, 910, "C"], [5, 5, "D"]]} for n in range(COUNT)
    ]
    result, _rows = read(records, tmp_path, "a.jsonl")
    assert left_out(result) == {"outside_text": 60}
    assert any(entry["what"] == "overlapping_spans" for entry in result["reading"])


QUICK = settings(max_examples=150, deadline=None, derandomize=True)
TEXTS = st.text(st.sampled_from("ab .,\n日本📦é-1"), min_size=1, max_size=60)


@QUICK
@given(TEXTS, st.lists(st.tuples(st.integers(-2, 62), st.integers(-2, 62)), max_size=6))
def test_no_passage_is_moved_and_no_character_but_blanks_is_lost(text: str, places: list[tuple[int, int]]) -> None:
    spans, overlapping, outside = choose_spans(text, [Span(a, b, f"L{n}") for n, (a, b) in enumerate(places)])
    assert len(spans) + overlapping + outside == len(places)
    pieces = list(tag_text(text, spans))
    assert "".join("".join(piece.tokens) for piece in pieces) == "".join(text.split())
    found: list[tuple[str, str]] = []
    for piece in pieces:
        for token, tag in zip(piece.tokens, piece.tags, strict=True):
            if tag.startswith("B-"):
                found.append((tag[2:], token))
            elif tag.startswith("I-"):
                found[-1] = (found[-1][0], found[-1][1] + token)
    assert found == [(span.label, "".join(text[span.start : span.end].split())) for span in spans]


def test_a_long_text_is_cut_between_sentences_and_never_in_a_passage() -> None:
    text = "One two three four five. " * 150
    spans = [Span(n * 25, n * 25 + 24, "S") for n in range(0, 150, 7)]
    pieces = list(tag_text(text, spans))
    assert len(pieces) > 1
    assert max(len(piece.tokens) for piece in pieces) <= LONG
    assert sum(tag == "B-S" for piece in pieces for tag in piece.tags) == len(spans)
    assert all(piece.tags[0] in ("O", "B-S") for piece in pieces)


def test_without_a_wide_character_nothing_tells_the_unit() -> None:
    assert guess_unit([("Oslo is far", [Span(0, 4, "CITY")])]) == ("characters", 0)
    assert to_characters("📦 Oslo", [Span(3, 7, "CITY")], "utf16") == [Span(2, 6, "CITY")]


# Files of their own form


def test_a_text_and_its_passages_of_brat(tmp_path: Path) -> None:
    """Passages of one part and of two, and a relation, which is not used; every third text begins with an emoji."""
    files = {}
    for n in range(COUNT):
        lines = [f"T{i}\t{label} {a} {b}\t{words}" for i, (a, b, label, words) in enumerate(spans_of(n), 1)]
        files[f"docs/{n}.txt"] = text_of(n).encode()
        files[f"docs/{n}.ann"] = "\n".join([*lines, "R1\tLeft Arg1:T1 Arg2:T2"]).encode()
    files["annotation.conf"] = b"[entities]\nFIRM\nCITY\n"
    result = inspect([zipped(tmp_path / "brat.zip", files)], tmp_path / "v1")
    rows = {row["document"]: row for row in pq.read_table(tmp_path / "v1" / "data.parquet").to_pylist()}
    assert (result["suggestion"]["task"], result["rows"]) == ("token-classification", COUNT)
    assert (json.loads(rows["docs/1"]["tokens"]), json.loads(rows["docs/1"]["tags"])) == (TOKENS, TAGS)
    assert any("relations (30)" in entry["sentence"] for entry in result["reading"])


def test_the_tsv_of_inception(tmp_path: Path) -> None:
    head = (
        "#FORMAT=WebAnno TSV 3.3\n#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue\n"
        "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value\n\n\n"
    )
    values = ["_", "_", "_", "FIRM[1]", "FIRM[1]", "_", "CITY", "_", "_", "_"]
    body = ""
    for n in range(1, COUNT + 1):
        body += f"#Text={text_of(1)}\n"
        body += "".join(
            f"{n}-{i}\t0-1\t{token}\tNN\t{'*' if value != '_' else '_'}\t{value}\t\n"
            for i, (token, value) in enumerate(zip(TOKENS, values, strict=True), 1)
        )
        body += "\n"
    result, rows = read(head + body, tmp_path, "doc.tsv")
    assert (result["suggestion"]["task"], result["rows"]) == ("token-classification", COUNT)
    assert (json.loads(rows[1]["tokens"]), json.loads(rows[1]["tags"])) == (TOKENS, TAGS)


# Forms that people sent


def label_studio_rows(column: str, cell: Any) -> str:
    def quoted(value: Any) -> str:
        return '"' + str(value).replace('"', '""') + '"'

    header = f"text,id,{column},annotator,annotation_id,lead_time"
    return "\n".join([header, *(",".join(map(quoted, (text_of(n), n, cell(n), 1, n, 2.5))) for n in range(COUNT))])


def test_passages_in_the_csv_of_label_studio_are_of_the_text(tmp_path: Path) -> None:
    def cell(number: int) -> str:
        return json.dumps(
            [{"start": s, "end": e, "text": words, "labels": [label]} for s, e, label, words in spans_of(number)]
        )

    result, rows = read(label_studio_rows("label", cell), tmp_path, "p.csv")
    assert result["suggestion"]["task"] == "token-classification"
    assert json.loads(rows[1]["tokens"])[:2] == ["Order", "1"]


def test_stars_in_the_csv_of_label_studio_are_numbers(tmp_path: Path) -> None:
    result, _rows = read(label_studio_rows("stars", lambda n: json.dumps([{"rating": 1 + n % 5}])), tmp_path, "p.csv")
    assert sorted(entry["label"] for entry in result["labels"]) == ["1", "2", "3", "4", "5"]


def test_turns_of_a_conversation_are_a_text(tmp_path: Path) -> None:
    tasks = [label_studio_task(n, label_studio_answer(LABELS[n % 3])) for n in range(COUNT)]
    for n, task in enumerate(tasks):
        task["data"] = {"dialogue": [{"author": "A", "text": text_of(n)}, {"author": "B", "text": "Thanks"}]}
    result, rows = read(tasks, tmp_path)
    assert result["suggestion"]["columns"] == {"text": "dialogue", "label": "topic"}
    assert rows[1]["dialogue"] == f"A: {text_of(1)}\nB: Thanks"


def test_an_export_in_which_nobody_labelled_anything_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="30 records have no annotation yet"):
        read([label_studio_task(n) for n in range(COUNT)], tmp_path)


def test_several_labels_of_doccanos_csv(tmp_path: Path) -> None:
    rows = [f'{n},"{text_of(n)}",{LABELS[n % 3]}{"#urgent" if n % 2 else ""}' for n in range(COUNT)]
    result, _rows = read("\n".join(["id,data,label", *rows]), tmp_path, "all.csv")
    assert result["suggestion"]["task"] == "multilabel-classification"


def test_the_feedback_datasets_of_argilla_1(tmp_path: Path) -> None:
    records = [
        {"text": text_of(n), "topic": [{"user_id": "u", "value": LABELS[n % 3], "status": "submitted"}, {"user_id": "v", "value": LABELS[0], "status": "discarded"}], "topic-suggestion": None}
        for n in range(COUNT)
    ]  # fmt: skip
    result, _rows = read(records, tmp_path)
    assert (result["suggestion"]["columns"], result["label_total"]) == ({"text": "text", "label": "topic"}, 3)
