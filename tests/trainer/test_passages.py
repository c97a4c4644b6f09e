"""Answers that are passages: how they are read, placed, scored, cut into windows and chosen."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.answers.passage_scoring import excerpt, report
from trainer.data.inspect import inspect
from trainer.data.loading import Loaded
from trainer.data.passage_rows import read_cells, read_learned, row_problems
from trainer.errors import DataError
from trainer.passages.baseline import best_sentences
from trainer.passages.cells import Context, Given, read_cell
from trainer.passages.decoding import BEST, Found, answer_of, candidates, choose_threshold, empty
from trainer.passages.overlaps import features_of, sentences_of, split
from trainer.passages.scores import scored, truth_of, words_of
from trainer.passages.windows import MOST_WINDOWS, Batch, Pair, Windows
from trainer.tasks.question_answering import QuestionAnswering


@pytest.mark.parametrize(
    ("cell", "given"),
    [
        ('[{"text": "Ada", "answer_start": 3}]', [("Ada", 3)]),
        ('{"text": ["Ada", "A"], "answer_start": [3, 3]}', [("Ada", 3), ("A", 3)]),
        ('{"text": [], "answer_start": []}', []),
        ("[]", []),
        ("no answer", []),
        ("Ada", [("Ada", None)]),
        ('["Ada", "she"]', [("Ada", None), ("she", None)]),
        ('{"answer": "Ada", "start": 3}', [("Ada", 3)]),
        ('{"text": "Ada", "answer_start": -1}', [("Ada", None)]),
        ("{'text': array(['Ada'], dtype=object), 'answer_start': array([3], dtype=int32)}", [("Ada", 3)]),
        ("{'text': ['Ada'], 'answer_start': [3]}", [("Ada", 3)]),
        ("[broken", [("[broken", None)]),
        ('{"who": "Ada"}', None),
        ("[1, 2]", None),
        ("  ", None),
        (None, None),
    ],
)
def test_cells_in_every_form(cell: str | None, given: list[tuple[str, int | None]] | None) -> None:
    assert read_cell(cell) == (None if given is None else [Given(*each) for each in given])


@pytest.mark.parametrize(
    ("context", "given", "start", "how"),
    [
        ("Ada wrote it.", ("Ada", 0), 0, "given"),
        ("Well, Ada wrote it.", ("Ada", 3), 6, "moved"),
        ("Ada met Ada.", ("Ada", 7), 8, "moved"),
        ("😀 Ada wrote it.", ("Ada", 3), 2, "utf16"),
        ("é Ada wrote it.", ("Ada", 3), 2, "bytes"),
        ("the theatre, he said", ("he", None), 13, "searched"),
        ("New\n York", ("new york", None), 0, "searched"),
        ("她住在巴黎。", ("巴黎", None), 3, "searched"),
    ],
)
def test_where_an_answer_stands(context: str, given: tuple[str, int | None], start: int, how: str) -> None:
    answer, found = Context(context).place(Given(*given))
    assert answer is not None
    assert (answer.start, found) == (start, how)
    assert context[answer.start : answer.end] == answer.text


def test_an_answer_that_is_nowhere() -> None:
    assert Context("Ada wrote it.").place(Given("Grace", 0)) == (None, "lost")


def squad(answer: str) -> list[str]:
    """As SQuAD's evaluate-v1.1.py normalises an answer."""
    import re
    import string

    lowered = "".join(char for char in answer.lower() if char not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", lowered).split()


@pytest.mark.parametrize(
    ("predicted", "actual"),
    [("The 'Home' edition.", 'the "Home" edition'), ("a cat-like thing", "catlike"), ("Denver Broncos", "the Broncos")],
)
def test_the_normalisation_and_the_f1_of_squad(predicted: str, actual: str) -> None:
    own, right = squad(predicted), squad(actual)
    assert list(words_of(predicted)) == own
    shared = sum((Counter(own) & Counter(right)).values())
    f1 = 2 * shared / (len(own) + len(right)) if shared else 0.0
    assert scored(truth_of([actual]), predicted) == pytest.approx((float(own == right), f1))


def test_chinese_is_compared_by_characters() -> None:
    assert words_of("《卡万·肖特》24 次") == ("卡", "万", "肖", "特", "24", "次")
    assert scored(truth_of(["卡万·肖特"]), "卡万") == pytest.approx((0.0, 2 * 2 / 6))


def test_several_answers_and_none() -> None:
    assert scored(truth_of(["PhD thesis", "PhD"]), "the PhD") == (1.0, 1.0)
    assert scored(truth_of([]), None) == (1.0, 1.0)
    assert scored(truth_of([]), "PhD") == (0.0, 0.0)
    assert scored(truth_of(["PhD"]), None) == (0.0, 0.0)


def test_a_threshold_is_the_best_of_all() -> None:
    generator = np.random.default_rng(0)
    for _draw in range(20):
        best, gains, has = generator.normal(size=9), generator.random(9), generator.random(9) < 0.6
        gains = gains * has

        def mean(limit: float, best: Any = best, gains: Any = gains, has: Any = has) -> float:
            return float(np.where(best > limit, gains, ~has).mean())

        chosen = choose_threshold(best, gains, has)
        assert mean(chosen) == pytest.approx(max(mean(limit) for limit in [-9.0, *best, 9.0]))


def test_the_likeliest_passage_of_all_windows() -> None:
    starts = np.array([[-1, -1, 0, 4, 9, -1], [-1, -1, 9, 13, 20, -1]])
    ends = np.array([[-1, -1, 3, 8, 12, -1], [-1, -1, 12, 19, 25, -1]])
    scores = np.zeros((2, 6, 2), dtype=np.float32)
    scores[0, 3, 0], scores[0, 4, 1], scores[1, 0] = 2.0, 2.0, 3.0
    scores[1, 4] = 4.0
    empty_ids = np.zeros((2, 6), dtype=np.int64)
    batch = Batch(empty_ids, empty_ids, empty_ids, starts, ends, np.zeros((2, 6, 4)), np.array([0, 0]))
    (listed,) = candidates(scores, batch, 1)
    assert listed[0].tolist() == [4, 12, 4.0]
    assert candidates(scores, batch, 1, scores_none=False)[0][0].tolist() == [20, 25, 8.0]
    context = "abc defg xyz lmnopq rstuv"
    found = answer_of(context, listed, None)
    assert (found.answer, found.start, found.end) == ("defg xyz", 4, 12)
    assert 0.5 < found.score <= 1
    assert answer_of(context, listed, 5.0).answer is None
    assert answer_of(context, empty(1)[0], None) == Found(None, None, None, 1.0)


def windows_of_letters(max_length: int) -> Windows:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, **{letter: at for at, letter in enumerate("abcdefgh?", 4)}}
    raw = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return Windows(raw, max_length)


def test_windows_show_every_token_of_a_context() -> None:
    windows = windows_of_letters(14)
    pair = Pair("a b ?", " ".join("abcdefgh" * 4))
    (question,), (tokens,) = windows.questions([pair.question]), windows.contexts([pair.context])
    every = windows.read(pair, question, tokens)
    batch = windows.batch(every, [0] * len(every))
    assert batch.ids.shape[1] == 14
    assert set(batch.starts[batch.starts >= 0].tolist()) == set(range(0, 63, 2))
    assert batch.ids[0].tolist()[:6] == [2, 4, 5, 12, 3, 4]
    assert batch.types[0].tolist()[:6] == [0, 0, 0, 0, 0, 1]
    assert (batch.starts[:, :5] == -1).all()


def test_of_a_very_long_context_the_parts_that_share_most_are_read() -> None:
    windows = windows_of_letters(14)
    pair = Pair("h ?", " ".join(["a b c d"] * 200 + ["h"] + ["a b c d"] * 200))
    (question,), (tokens,) = windows.questions([pair.question]), windows.contexts([pair.context])
    every = windows.read(pair, question, tokens)
    assert len(every) == MOST_WINDOWS
    assert any(start == pair.context.index("h") for window in every for start in window.starts.tolist())


def test_a_question_longer_than_a_window_leaves_room() -> None:
    windows = windows_of_letters(14)
    pair = Pair("a " * 50, "b c d e f g h a b c")
    (question,), (tokens,) = windows.questions([pair.question]), windows.contexts([pair.context])
    assert max(len(window.ids) for window in windows.read(pair, question, tokens)) <= 14


def test_sentences_and_what_they_share() -> None:
    text = "Anna lives in Rome. The shop opens at 9.30 on Friday! Is it far? 她住在巴黎。很远"
    assert [text[start:end] for start, end in sentences_of(text)] == [
        "Anna lives in Rome.",
        "The shop opens at 9.30 on Friday!",
        "Is it far?",
        "她住在巴黎。",
        "很远",
    ]
    outputs = best_sentences([Pair("When does the shop open?", text), Pair("她住在哪里？", text), Pair("?", "")])
    assert [text[int(start) : int(end)] for start, end in outputs[:2, 0, :2]] == ["The shop opens at 9.30 on Friday!", "她住在巴黎。"]  # fmt: skip
    assert outputs[2, 0, 0] == -1
    assert outputs.shape[1] == BEST
    starts = np.array([0, 5, 11, 14, 20, 24])
    features = features_of("Where does Anna live?", text, split(text), starts, starts + 2)
    assert features[:4, 1].tolist() == [1, 1, 1, 1]
    assert features[4, 1] == 0
    assert features[:, 3].tolist()[0] == 1


def rows_of(rows: list[tuple[str | None, str | None, str | None]]) -> Any:
    return read_cells(*zip(*rows, strict=True))


ROWS: list[tuple[str | None, str | None, str | None]] = [
    ("Who?", "Ada wrote it.", "Ada"),
    ("Who?", "Ada wrote it.", '[{"text": "Ada", "answer_start": 5}]'),
    ("Who?", "😀 Ada wrote it.", '[{"text": "Ada", "answer_start": 3}]'),
    ("Who?", "Ada wrote it.", "Grace"),
    ("Who?", "Ada wrote it.", '["Ada", "Grace"]'),
    (" ", "Ada wrote it.", "Ada"),
    ("Who?", None, "Ada"),
    ("Who?", "Ada wrote it.", "[]"),
    ("Who?", "Ada wrote it.", '{"who": "Ada"}'),
]


def test_rows_are_told_by_number_and_kind() -> None:
    problems = row_problems(rows_of(ROWS))
    told = {each["code"]: each["rows"] for each in problems}
    assert told == {
        "no_question": [6],
        "no_context": [7],
        "unread_answers": [9],
        "answer_not_in_context": [4],
        "lost_answers": [5],
        "moved_answers": [2],
        "utf16_answers": [3],
        "searched_answers": [1, 5],
        "unanswerable": [8],
    }


def loaded_of(rows: list[tuple[str | None, str | None, str | None]]) -> Loaded:
    values = {name: [cell or "" for cell in cells] for name, cells in zip(("question", "context", "answers"), zip(*rows, strict=True), strict=True)}  # fmt: skip
    split_of = np.array(["train"] * len(rows), dtype=object)
    return Loaded(values, split_of, list(range(1, len(rows) + 1)), {}, [], answer="answers", kind="passage")


def test_what_can_be_learned_from_is_kept() -> None:
    loaded = loaded_of(ROWS)
    read_learned(loaded)
    assert loaded.row_numbers == [1, 2, 3, 5, 8]
    assert [json.loads(cell) for cell in loaded.answers] == [
        [{"text": "Ada", "answer_start": 0}],
        [{"text": "Ada", "answer_start": 0}],
        [{"text": "Ada", "answer_start": 2}],
        [{"text": "Ada", "answer_start": 0}],
        [],
    ]
    assert {each["code"]: each["rows"] for each in loaded.problems}["answer_not_in_context"] == [4]
    with pytest.raises(DataError, match="No row has an answer"):
        read_learned(loaded_of([("Who?", "Ada wrote it.", "[]")] * 3))


def write_squad(path: Path, contexts: int = 12) -> None:
    paragraphs = [
        {
            "context": f"Anna {number} lives in Rome. Omar {number} lives in Oslo.",
            "qas": [
                {"id": f"{number}a", "question": f"Where does Anna {number} live?", "answers": [{"text": "Rome", "answer_start": 15 + len(str(number))}]},
                {"id": f"{number}b", "question": f"Where does Omar {number} live?", "answers": [{"text": "Oslo", "answer_start": 0}]},
                {"id": f"{number}c", "question": "Who is the king?", "is_impossible": True, "answers": []},
            ],
        }
        for number in range(contexts)
    ]  # fmt: skip
    path.write_text(json.dumps({"version": "v2.0", "data": [{"title": "T", "paragraphs": paragraphs}]}))


def inspected(folder: Path, file: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]], list[str], list[str]]:
    """(profile, problems by code, parts, contexts)."""
    import pyarrow.parquet as pq

    inspect([file], folder, emit=lambda *_args, **_fields: None)
    profile = json.loads((folder / "profile.json").read_text())
    problems = {each["code"]: each for each in json.loads((folder / "problems.json").read_text())}
    parts = pq.read_table(folder / "split.parquet").column("split").to_pylist()
    return profile, problems, parts, pq.read_table(folder / "data.parquet").column("context").to_pylist()


def test_a_file_of_squad_is_read_and_its_contexts_stay_together(tmp_path: Path) -> None:
    write_squad(tmp_path / "squad.json")
    profile, problems, parts, contexts = inspected(tmp_path / "out", tmp_path / "squad.json")
    assert profile["suggestion"]["task"] == "question-answering"
    assert problems["moved_answers"]["count"] == 12
    assert problems["unanswerable"]["count"] == 12
    sides = {context: {part for part, other in zip(parts, contexts, strict=True) if other == context} for context in contexts}  # fmt: skip
    assert all(len(side) == 1 for side in sides.values())
    assert {"train", "test"} <= set(parts)
    assert profile["split"]["how"] == "by context"


def test_questions_about_one_context_are_divided_and_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    lines = [f"Where does {name} live?,Rome" for name in map("name{}".format, range(40))]
    file.write_text("question,answer,context\n" + "\n".join(f'{line},"They all live in Rome."' for line in lines))
    _profile, problems, parts, _contexts = inspected(tmp_path / "out", file)
    assert {"train", "test"} <= set(parts)
    assert "contexts_across_split" in problems


def test_the_report_marks_both_answers() -> None:
    pair = Pair("Who?", "x " * 600 + "Ada" + " y" * 600 + " Grace")
    cells = [json.dumps([{"text": "Ada", "answer_start": 1200}])]
    found = Found("Grace", len(pair.context) - 5, len(pair.context), 0.8)
    made = report([pair], cells, [found], [7])
    (mistake,) = made["mistakes"]
    marked = [mistake["context"][place["start"] : place["end"]] for name in ("truth_spans", "predicted_spans") for place in mistake[name]]  # fmt: skip
    assert marked == ["Ada", "Grace"]
    assert len(mistake["context"]) < 2_000
    assert made["kinds_of_answers"]["other"] == 1
    assert excerpt("short", {"truth_spans": [(0, 5)]}) == ("short", {"truth_spans": [(0, 5)]})


def test_what_may_be_asked() -> None:
    check = QuestionAnswering.check_input
    assert check({"question": "Who?", "context": "Ada."}) is None
    assert check({"question": "Who?", "context": "a" * 200_000}) is None
    for wrong in ("Who?", {"question": "Who?"}, {"question": " ", "context": "Ada."}, {"question": "Who?", "context": "a" * 200_001}, {"question": "Who?", "context": "Ada.", "more": 1}):  # fmt: skip
        assert check(wrong)
