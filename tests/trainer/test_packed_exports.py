"""Exports of many files that are records only together (brat, INCEpTION, Rasa), packed and one by one, and what cannot be read of a tool."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import zipped
from trainer.data.archives import Entry
from trainer.data.exports.base import Conversion
from trainer.data.exports.rasa_files import read_examples
from trainer.data.exports.registry import unwrap_document
from trainer.data.exports.uima import convert, is_uima
from trainer.data.exports.uima_files import choose_annotators, read_json, read_xmi
from trainer.data.inspect import inspect
from trainer.errors import DataError
from trainer.json_types import JsonObject

NAMES = ["Anna", "Berta", "Cleo", "Dora", "Emil", "Frida", "Gustav", "Hanna", "Ida", "Jonas", "Karl", "Lina"]
TEXTS = [f"{name} lives in Berlin 😀 with {number} cats" for number, name in enumerate(NAMES)]


def span(number: int, word: str) -> tuple[int, int]:
    return TEXTS[number].index(word), TEXTS[number].index(word) + len(word)


def wanted(number: int) -> tuple[list[str], list[str]]:
    """(tokens, tags) of a text with its name and the number of cats marked."""
    tokens = [NAMES[number], "lives", "in", "Berlin", "😀", "with", str(number), "cats"]
    return tokens, ["B-PER", "O", "O", "B-LOC", "O", "O", "B-NUM", "O"]


def marks(number: int) -> list[tuple[str, int, int]]:
    return [
        (label, *span(number, word))
        for label, word in (("PER", NAMES[number]), ("LOC", "Berlin"), ("NUM", f" {number} ".strip()))
    ]


def in_utf16(number: int, place: int) -> int:
    return len(TEXTS[number][:place].encode("utf-16-le")) // 2


def brat() -> dict[str, bytes]:
    files = {}
    for number, text in enumerate(TEXTS):
        lines = [
            f"T{n}\t{label} {start} {end}\t{text[start:end]}" for n, (label, start, end) in enumerate(marks(number), 1)
        ]
        files |= {
            f"doc{number:02}.txt": text.encode(),
            f"doc{number:02}.ann": "\n".join([*lines, "R1\tIn Arg1:T1 Arg2:T2"]).encode(),
        }
    return files | {"annotation.conf": b"[entities]\nPER\n"}


TYPE = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
OTHER = "webanno.custom.Mood"


def cas(number: int) -> JsonObject:
    listed: list[JsonObject] = [
        {"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaID": "_InitialView", "sofaString": TEXTS[number]}
    ]
    listed += [
        {"%ID": 9, "%TYPE": "x.type.Token", "begin": 0, "end": 4},
        {"%ID": 8, "%TYPE": OTHER, "begin": 0, "end": 4, "kind": "glad"},
    ]
    listed += [
        {"%TYPE": TYPE, "@sofa": 1, "begin": in_utf16(number, a), "end": in_utf16(number, b), "value": label}
        for label, a, b in marks(number)
    ]
    return {"%TYPES": {}, "%FEATURE_STRUCTURES": listed, "%VIEWS": {}}


def xmi(number: int) -> bytes:
    named = "".join(
        f'<type4:NamedEntity xmi:id="{n}" sofa="1" begin="{in_utf16(number, a)}" end="{in_utf16(number, b)}" value="{label}"/>'
        for n, (label, a, b) in enumerate(marks(number), 5)
    )
    spaces = (
        'xmlns:xmi="http://www.omg.org/XMI" xmlns:cas="http:///uima/cas.ecore" xmlns:type4="http:///ner/type.ecore"'
    )
    return f'<?xml version="1.0"?><xmi:XMI {spaces} xmi:version="2.0">{named}<cas:Sofa xmi:id="1" sofaID="_InitialView" sofaString="{TEXTS[number]}"/></xmi:XMI>'.encode()


def tsv(number: int, label: str = "") -> bytes:
    head = f"#FORMAT=WebAnno TSV 3.3\n#T_SP={TYPE}|identifier|value\n\n\n#Text={TEXTS[number]}\n"
    tokens, tags = wanted(number)
    values = [(label or tag[2:]) if tag != "O" else "_" for tag in tags]
    return (
        head
        + "".join(
            f"1-{n}\t0-1\t{token}\t_\t{value}\t\n"
            for n, (token, value) in enumerate(zip(tokens, values, strict=True), 1)
        )
    ).encode()


def project(number: int, annotator: str, data: bytes, suffix: str, folder: str = "annotation") -> dict[str, bytes]:
    return {f"{folder}/doc{number:02}.txt/{annotator}.{suffix}": data}


def joined(parts: list[dict[str, bytes]]) -> dict[str, bytes]:
    return {name: data for part in parts for name, data in part.items()}


PASSAGES = {
    "brat": brat,
    "cas json": lambda: {f"doc{n:02}.json": json.dumps(cas(n)).encode() for n in range(12)},
    "cas json by id": lambda: {
        f"doc{n:02}.json": json.dumps(
            {"%FEATURE_STRUCTURES": {str(i): one for i, one in enumerate(cas(n)["%FEATURE_STRUCTURES"])}}
        ).encode()
        for n in range(12)
    },
    "xmi": lambda: {f"doc{n:02}.xmi": xmi(n) for n in range(12)} | {"TypeSystem.xml": b"<typeSystemDescription/>"},
    "tsv": lambda: {f"doc{n:02}.tsv": tsv(n) for n in range(12)},
}


def rows(place: Path) -> list[JsonObject]:
    return pq.read_table(place / "data.parquet").to_pylist()


def assert_passages(place: Path) -> None:
    assert [(json.loads(row["tokens"]), json.loads(row["tags"])) for row in rows(place)] == [
        wanted(number) for number in range(12)
    ]


def loose(place: Path, files: dict[str, bytes]) -> list[Path]:
    for name, data in files.items():
        (place / name).write_bytes(data)
    return [place / name for name in files]


@pytest.mark.parametrize("tool", PASSAGES)
@pytest.mark.parametrize("is_packed", [True, False])
def test_passages_of_documents_packed_and_one_by_one(tool: str, is_packed: bool, tmp_path: Path) -> None:
    files = PASSAGES[tool]()
    if not is_packed:
        files.pop("TypeSystem.xml", None)
    paths = [zipped(tmp_path / "a.zip", files)] if is_packed else loose(tmp_path, files)
    result = inspect(paths, tmp_path / "v1")
    assert result["suggestion"]["task"] == "token-classification"
    assert not result["left_out"]
    assert_passages(tmp_path / "v1")


def test_folders_of_parts_divide_the_documents(tmp_path: Path) -> None:
    files = {f"{'test' if '11' in name or '10' in name else 'train'}/{name}": data for name, data in brat().items()}
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert (result["split"]["given"], result["split"]["test"]) == (True, 2)


def test_what_no_document_has_is_told(tmp_path: Path) -> None:
    files = brat() | {"lost.ann": b"T1\tPER 0 4\tAnna", "lonely.txt": b"Nobody has read this yet."}
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert [(entry["reason"], entry["count"]) for entry in result["left_out"]] == [("other_kind", 2)]
    assert any("relations (12)" in entry["sentence"] for entry in result["reading"])


def test_other_layers_of_uima_are_counted(tmp_path: Path) -> None:
    result = inspect([zipped(tmp_path / "a.zip", PASSAGES["cas json"]())], tmp_path / "v1")
    assert any("Mood (12)" in entry["sentence"] for entry in result["reading"])
    assert next(entry["chosen"] for entry in result["reading"] if entry["what"] == "offsets") == "utf16"


def test_without_named_entities_the_layer_of_most_marks_is_read(tmp_path: Path) -> None:
    files = {
        f"{n}.json": json.dumps(
            {"%FEATURE_STRUCTURES": [entry for entry in cas(n)["%FEATURE_STRUCTURES"] if entry["%TYPE"] != TYPE]}
        ).encode()
        for n in range(12)
    }
    inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert json.loads(rows(tmp_path / "v1")[0]["tags"])[0] == "B-glad"


PROJECTS: dict[str, list[dict[str, bytes]]] = {
    "one annotator": [
        project(n, user, tsv(n) if user == "anna" else tsv(n, "NOBODY"), "tsv")
        for n in range(12)
        for user in ("anna", "INITIAL_CAS")
    ],
    "curated": [
        project(n, "anna", tsv(n, "WRONG"), "tsv") | project(n, "CURATION_USER", tsv(n), "tsv", "curation")
        for n in range(12)
    ],
    "two": [
        project(n, "anna", json.dumps(cas(n)).encode(), "json") | project(n, "bob", tsv(n, "WRONG"), "tsv")
        for n in range(12)
    ],
}


@pytest.mark.parametrize(("case", "others"), [("one annotator", 0), ("curated", 12), ("two", 12)])
def test_a_project_of_inception_has_each_document_once(case: str, others: int, tmp_path: Path) -> None:
    files = (
        joined(PROJECTS[case])
        | {"exportedproject.json": b'{"name": "p"}'}
        | {f"source/doc{n:02}.txt": TEXTS[n].encode() for n in range(12)}
    )
    result = inspect([zipped(tmp_path / "project.zip", files)], tmp_path / "v1")
    assert_passages(tmp_path / "v1")
    assert rows(tmp_path / "v1")[3]["document"] == "doc03.txt"
    assert sum(entry["count"] for entry in result["left_out"] if entry["reason"] == "other_annotators") == others
    assert not [entry for entry in result["left_out"] if entry["reason"] not in ("other_annotators",)]


def test_documents_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    files = PASSAGES["cas json"]() | {
        "broken.json": b'{"%TYPES": {}, "%FEATURE_STRUCTURES": [',
        "empty.json": b'{"%TYPES": {}}',
        "bad.xmi": b"<xmi:XMI",
    }
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert [(entry["reason"], entry["count"]) for entry in result["left_out"]] == [("unreadable", 3)]


def test_the_older_json_of_uima_and_other_documents() -> None:
    sofa = {"_type": "Sofa", "sofaString": "Anna"}
    older = {
        "_context": {},
        "_referenced_fss": {"1": sofa},
        "_views": {"_InitialView": {"NamedEntity": [{"sofa": 1, "end": 4, "value": "PER"}]}},
    }
    assert read_json(older) == ("Anna", [["NamedEntity", 0, 4, {"value": "PER"}]])
    assert read_json([]) is None
    assert read_json({"_views": 3}) is None
    assert read_xmi(b"no xml") is None
    assert read_xmi(b"<a/>") is None
    assert [entry.name for entry in choose_annotators([Entry("b.tsv", 1, b""), Entry("a.tsv", 1, b"")])[0]] == [
        "b.tsv",
        "a.tsv",
    ]


CHEMISTRY: dict[str, JsonObject] = {
    "numbers of substances": {"cas": "50-00-0", "document": "report", "text": "formaldehyde"},
    "an object": {"cas": {"number": "50-00-0"}, "document": "report", "text": "formaldehyde"},
    "marks of other kinds": {"cas": {"text": "a", "marks": ["x"]}, "document": "report"},
    "a word": {"webanno": "yes", "document": "report", "text": "words"},
}


@pytest.mark.parametrize("case", CHEMISTRY)
def test_fields_of_peoples_own_are_no_documents_of_uima(case: str, tmp_path: Path) -> None:
    assert not is_uima([CHEMISTRY[case]])
    lines = [json.dumps(CHEMISTRY[case] | {"label": "ab"[n % 2], "number": n}) for n in range(20)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert inspect([tmp_path / "a.jsonl"], tmp_path / "v1")["rows"] == 20


def test_a_later_record_of_another_form_stays_as_it_is(tmp_path: Path) -> None:
    known: JsonObject = {"cas": {"text": "Anna", "marks": [["NamedEntity", 0, 4, {"value": "PER"}]]}, "document": "a"}
    assert is_uima([known, {"webanno": {"tokens": []}, "document": "a"}])
    later = CHEMISTRY["numbers of substances"]
    assert list(convert(later, Conversion("uima", "a.jsonl"))) == [later]


STORIES = """stories:
- story: ask for something
  steps:
  - intent: greet
  - action: utter_greet
  - intent: fly
    entities:
    - city: Berlin
rules:
- rule: bye
  steps:
  - intent: bye
"""


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("name", ["nlu.yml", "bot.zip"])
def test_stories_in_a_file_of_intents_are_left_out_alone(name: str, order: int, tmp_path: Path) -> None:
    text = "\n".join([RASA, STORIES][:: 1 - 2 * order])
    path = tmp_path / name
    if name.endswith("zip"):
        zipped(path, {"nlu.yml": text.encode()})
    else:
        path.write_text(text)
    result = inspect([path], tmp_path / "v1")
    assert {label["label"]: label["count"] for label in result["labels"]} == {"greet": 4, "book_flight": 4, "thanks": 3}
    (told,) = [entry for entry in result["left_out"] if entry["reason"] == "stories"]
    assert (told["count"], told["file"]) == (2, "nlu.yml")


RASA = """version: "3.1"
nlu:
# greetings
- intent: greet
  examples: |
    - hey there
    - "hello, you"
    - good morning
    - good evening
- intent: book_flight
  examples: |
    - fly me to [Berlin](city)
    - from [Paris]{"entity": "city", "role": "from"} to [NYC]{"entity": "city", "value": "New York"}
    - book it for [tomorrow](date:2024-05-06)
    - I want to fly
- intent: thanks
  examples:
  - text: |
      thank you
    metadata:
      sentiment: good
  - text: thanks a lot
  - text: cheers mate
- synonym: NYC
  examples: |
    - New York
- lookup: city
  examples: |
    - Berlin
responses:
  utter_greet:
  - text: never read
"""
MARKDOWN = "## intent:greet\n- hey there\n- hello\n- good day\n\n## intent:fly\n- to [Berlin](city)\n- go\n- up\n\n## synonym:NYC\n- New York\n"


def test_intents_of_rasa(tmp_path: Path) -> None:
    path = tmp_path / "nlu.yml"
    path.write_text(RASA)
    result = inspect([path], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["suggestion"]["columns"]) == (
        "text-classification",
        {"text": "text", "label": "intent"},
    )
    assert {label["label"]: label["count"] for label in result["labels"]} == {"greet": 4, "book_flight": 4, "thanks": 3}
    read = {row["text"]: json.loads(row["tags"]) for row in rows(tmp_path / "v1")}
    assert read["from Paris to NYC"] == ["O", "B-city", "O", "B-city"]
    assert "thank you" in read
    assert "hello, you" in read
    assert any("synonym NYC (1), lookup city (1)" in entry["sentence"] for entry in result["reading"])


@pytest.mark.parametrize(("name", "text", "count"), [("data/nlu.yml", RASA, 11), ("data/nlu.md", MARKDOWN, 6)])
def test_a_project_of_rasa_tells_its_other_files(name: str, text: str, count: int, tmp_path: Path) -> None:
    stories = b"stories:\n- story: a\n  steps:\n  - intent: greet\n"
    files = {name: text.encode(), "data/stories.yml": stories, "domain.yml": b"intents:\n- greet\n"}
    result = inspect([zipped(tmp_path / "bot.zip", files)], tmp_path / "v1")
    assert result["rows"] == count
    assert [entry["count"] for entry in result["left_out"]] == [2]


def test_the_markdown_of_rasa_alone(tmp_path: Path) -> None:
    path = tmp_path / "nlu.md"
    path.write_text(MARKDOWN)
    assert inspect([path], tmp_path / "v1")["rows"] == 6


def test_intents_of_rasa_as_json(tmp_path: Path) -> None:
    some = [
        {"text": text, "intent": "fly" if n % 2 else "greet", "entities": [{"start": 0, "end": 4, "entity": "x"}]}
        for n, text in enumerate(TEXTS)
    ]
    path = tmp_path / "nlu.json"
    path.write_text(
        json.dumps({"rasa_nlu_data": {"common_examples": [*some, {"text": " ", "intent": "fly", "entities": []}]}})
    )
    result = inspect([path], tmp_path / "v1")
    assert (result["rows"], result["suggestion"]["columns"]["label"]) == (12, "intent")
    assert [(entry["reason"], entry["count"]) for entry in result["left_out"]] == [("blank", 1)]


def test_marks_of_rasa_that_name_no_entity_are_words() -> None:
    (example,) = read_examples('## intent:a\n- see [this]{no json} and [that]{"role": "x"}\n')
    assert example == {"rasa": "intent", "intent": "a", "text": "see this and that", "entities": []}


def paragraph(number: int, **fields: Any) -> JsonObject:
    tokens = [
        {"orth": word, "ner": tag}
        for word, tag in (("Anna", "U-PER"), ("sees", "O"), ("New", "B-LOC"), ("York", "L-LOC"))
    ]
    return {"id": number, "paragraphs": [{"raw": TEXTS[number], "sentences": [{"tokens": tokens}]} | fields]}


def test_training_data_of_spacy_2() -> None:
    cats = [{"label": "GOOD", "value": 1.0}, {"label": "BAD", "value": 0.0}]
    assert unwrap_document([paragraph(0, cats=cats)]) == [
        {"tokens": ["Anna", "sees", "New", "York"], "tags": ["B-PER", "O", "B-LOC", "I-LOC"], "label": ["GOOD"]}
    ]
    plain = [{"tokens": [{"orth": "Anna"}, {"orth": "sees"}]}]
    assert unwrap_document([paragraph(0, cats=cats, sentences=plain)]) == [
        {"text": TEXTS[0], "cats": {"GOOD": 1.0, "BAD": 0.0}}
    ]
    assert unwrap_document([paragraph(0, cats=cats, sentences=plain, raw=None)])[0]["text"] == "Anna sees"
    assert unwrap_document([paragraph(0, entities=[[0, 4, "PER"]])]) == [{"text": TEXTS[0], "ents": [[0, 4, "PER"]]}]
    assert unwrap_document([{"paragraphs": ["no object"]}]) == [{"paragraphs": ["no object"]}]


def test_categories_of_spacy_2_are_labels(tmp_path: Path) -> None:
    documents = [
        paragraph(n, sentences=[], cats=[{"label": "GOOD", "value": n % 2}, {"label": "BAD", "value": 1 - n % 2}])
        for n in range(12)
    ]
    path = tmp_path / "train.json"
    path.write_text(json.dumps(documents))
    result = inspect([path], tmp_path / "v1")
    assert {label["label"]: label["count"] for label in result["labels"]} == {"GOOD": 6, "BAD": 6}


def test_tokens_with_labels_of_a_document(tmp_path: Path) -> None:
    """UBIAI."""
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps(
            [
                {
                    "documentName": str(n),
                    "document": text,
                    "tokens": [{"text": NAMES[n], "start": 0, "end": len(NAMES[n]), "entityLabel": "PER"}],
                }
                for n, text in enumerate(TEXTS)
            ]
        )
    )
    inspect([path], tmp_path / "v1")
    assert json.loads(rows(tmp_path / "v1")[2]["tags"])[0] == "B-PER"


def sensor(number: int) -> bytes:
    payload = {
        "device_type": "X",
        "interval_ms": 10,
        "sensors": [{"name": "accX", "units": "m/s2"}],
        "values": [[number], [2.0]],
    }
    return json.dumps({"protected": {"ver": "v1"}, "signature": "0", "payload": payload}).encode()


@pytest.mark.parametrize("is_packed", [True, False])
def test_signals_of_sensors_are_refused_by_name(is_packed: bool, tmp_path: Path) -> None:
    files = {f"wave.{n}.json": sensor(n) for n in range(5)}
    paths = [zipped(tmp_path / "a.zip", files)] if is_packed else loose(tmp_path, files)
    with pytest.raises(
        DataError, match=r"holds the signals of sensors in 5 files of Edge Impulse, which are not read"
    ) as caught:
        inspect(paths, tmp_path / "v1")
    assert "a row for each recording" in str(caught.value.hint)


def test_passages_without_their_texts_are_refused_by_name(tmp_path: Path) -> None:
    paths = loose(tmp_path, {name: data for name, data in brat().items() if name.endswith(".ann")})
    with pytest.raises(DataError, match=r"holds annotations of brat \(.ann\) and not the texts"):
        inspect(paths, tmp_path / "v1")
