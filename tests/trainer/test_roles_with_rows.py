"""Of several tasks or forms of one that a file's columns suit, the one that really has rows is suggested; and no version is
called trainable whose run would refuse its rows."""

import json
from typing import Any

import pytest

from tests.trainer.data_made import dataset, unmapped
from trainer import tasks
from trainer.data.columns import map_columns
from trainer.data.conversation_rows import read_written
from trainer.data.loading import check_loaded, from_dataset
from trainer.data.splitting import split_dataset
from trainer.data.version import describe_dataset
from trainer.errors import DataError
from trainer.spec import SplitSpec
from trainer.suggestion import is_nearly_empty

ROWS = 60
ROOMS = ("kitchen", "garden", "office", "hall", "attic", "cellar")


def conversation(number: int) -> str:
    asked = f"Where is the kettle number {number}?"
    return json.dumps(
        [{"role": "user", "content": asked}, {"role": "assistant", "content": f"In room {number} upstairs."}]
    )


CELLS: dict[str, Any] = {
    "text": lambda n: f"a message of some words about thing {n} and {n * 7 % 60}",
    "label": lambda n: ("good", "bad")[n % 2],
    "prompt": lambda n: f"Where would I find thing number {n}?",
    "completion": lambda n: f"Thing {n} is in the {ROOMS[n % 6]} beside window {n * 7 % 60}.",
    "messages": conversation,
    "document": lambda n: f"a long article that tells of event {n} " * 5,
    "summary": lambda n: f"event {n} in short words",
    "source": lambda n: f"the chair number {n} is red",
    "target": lambda n: f"der Stuhl mit der Nummer {n} ist rot",
    "sentence1": lambda n: f"a first sentence about subject {n}",
    "sentence2": lambda n: f"another sentence which tells of {n}",
    "query": lambda n: f"which way to place {n} is short",
    "positive": lambda n: f"take road {n} to the north and turn left",
    "negative": lambda n: f"the weather of day {n} was fine",
    "score": lambda n: str(n % 11 / 10),
    "question": lambda n: f"What is in box {n}?",
    "context": lambda n: f"The box number {n} holds apples of sort {n * 3}.",
    "answers": lambda n: f"apples of sort {n * 3}",
    "tokens": lambda n: json.dumps(["Anna", "saw", f"Paris{n}"]),
    "ner_tags": lambda n: json.dumps(["B-PER", "O", "B-LOC"]),
    "image": lambda n: f"{n}.png",
    "objects": lambda n: json.dumps([{"label": "cat", "box": [1, 1, 9, 9 + n % 5]}]),
    "audio": lambda n: f"{n}.wav",
    "transcription": lambda n: f"she said the words of line {n}",
}
KINDS = {"image": "image", "audio": "audio", "objects": "objects"}
FORMS = {
    ("text", "label"): "text-classification",
    ("prompt", "completion"): "text-generation",
    ("messages",): "text-generation",
    ("text",): "text-generation",
    ("document", "summary"): "summarization",
    ("source", "target"): "translation",
    ("sentence1", "sentence2", "score"): "sentence-similarity",
    ("query", "positive"): "sentence-similarity",
    ("query", "positive", "negative"): "sentence-similarity",
    ("question", "context", "answers"): "question-answering",
    ("tokens", "ner_tags"): "token-classification",
    ("image", "objects"): "object-detection",
    ("image", "label"): "image-classification",
    ("audio", "transcription"): "speech-recognition",
    ("audio", "label"): "audio-classification",
}
MEDIA = {"image", "audio"}


def column(name: str, filled: int) -> list[str | None]:
    return [CELLS[name](row) if row < filled else None for row in range(ROWS)]


def mapped(full: tuple[str, ...], thin: dict[str, int]) -> Any:
    """A dataset of full columns and of some that have few cells."""
    names = dict.fromkeys(full, ROWS) | {name: few for name, few in thin.items() if name not in full}
    made = unmapped(**{name: column(name, filled) for name, filled in names.items()})
    made.kinds = {name: kind for name, kind in KINDS.items() if name in names}
    map_columns(made, None)
    split_dataset(made, made.split_spec)
    return made


def are_rivals(full: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether both are of texts, or both of the same media; texts with few labels are ones that somebody labels."""
    return MEDIA & set(full) == MEDIA & set(other) and (full, other) != (("text",), ("text", "label"))


PAIRS = [(full, other) for full in FORMS for other in FORMS if not set(other) <= set(full) and are_rivals(full, other)]


@pytest.mark.parametrize(("full", "other"), PAIRS, ids=lambda names: "+".join(names))
def test_the_form_that_has_rows_wins(full: tuple[str, ...], other: tuple[str, ...]) -> None:
    made = mapped(full, dict.fromkeys(other, (1, 9)[len(other) % 2]))
    assert (made.task, set(made.roles.values())) == (FORMS[full], set(full))
    assert describe_dataset(made)[0]["suggestion"]["trainable"]


def test_every_task_with_roles_of_its_own_is_among_them() -> None:
    others = {"multilabel-classification", "text-regression", "image-text-classification", "image-regression"}
    table = {"tabular-classification", "tabular-regression"}
    assert set(FORMS.values()) == {task.slug for task in tasks.declared()} - others - table


@pytest.mark.parametrize("names", [names for names in FORMS if not MEDIA & set(names)], ids="+".join)
@pytest.mark.parametrize("few", [1, 9])
def test_nearly_empty_forms_alone_are_not_trainable_and_the_run_says_the_same(names: tuple[str, ...], few: int) -> None:
    made = mapped((), dict.fromkeys(names, few))
    profile, problems = describe_dataset(made)
    assert not profile["suggestion"]["trainable"]
    assert any(problem["severity"] == "error" for problem in problems) or made.task is None


@pytest.mark.parametrize(
    "cell",
    [
        "[]",
        " [ ] ",
        json.dumps([{"role": "user", "content": "Only asked, never answered"}]),
        json.dumps([{"role": "assistant", "content": "An answer to nothing"}]),
        json.dumps([{"role": "user", "content": "So?"}, {"role": "assistant", "content": " "}]),
    ],
)
def test_conversations_without_an_answer_are_counted_as_the_run_counts_them(cell: str) -> None:
    made = dataset(messages=[conversation(row) if row < 5 else cell for row in range(ROWS)])
    profile, problems = describe_dataset(made)
    counts = {problem["code"]: problem["count"] for problem in problems}
    code = "empty_answers" if "So?" in cell else "unanswered"
    assert (counts[code], counts["too_few_rows"]) == (55, 5)
    assert not profile["suggestion"]["trainable"]
    loaded = from_dataset(made)
    read_written(loaded)
    with pytest.raises(DataError) as refused:
        check_loaded(loaded, made.mapped_shape.kind)
    assert (refused.value.code, len(loaded.answers)) == ("too_few_rows", 5)


def test_conversations_with_answers_lose_no_row() -> None:
    made = dataset(messages=column("messages", ROWS))
    assert made.mapped_keys.usable.all()
    assert made.profile[0]["missing"] == 0


def test_empty_conversations_are_missing_in_the_profile() -> None:
    made = dataset(messages=["[]" if row % 3 else conversation(row) for row in range(ROWS)])
    assert (made.profile[0]["kind"], made.profile[0]["missing"], made.profile[0]["there"]) == ("messages", 40, 20)


@pytest.mark.parametrize(
    ("missing", "there", "wanted"), [(51, 9, True), (50, 10, False), (3, 5, False), (990, 10, True), (970, 30, False)]
)
def test_what_nearly_empty_is(missing: int, there: int, wanted: bool) -> None:
    assert is_nearly_empty({"name": "a", "kind": "text", "missing": missing, "there": there, "distinct": 2}) is wanted


def test_labels_that_are_still_being_given_keep_their_task() -> None:
    made = mapped(("text",), {"label": 6})
    assert (made.task, made.roles) == ("text-classification", {"text": "text", "label": "label"})


def test_what_is_chosen_counts_whatever_it_has() -> None:
    made = unmapped(**{name: column(name, ROWS) for name in ("prompt", "completion")}, messages=column("messages", 5))
    map_columns(made, {"messages": "messages"}, "text-generation")
    split_dataset(made, SplitSpec())
    assert made.roles == {"messages": "messages"}, "not of the prompts beside them, which the run would not read"
    assert not describe_dataset(made)[0]["suggestion"]["trainable"]
