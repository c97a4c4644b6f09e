"""Tags as passages, passages as tags, and how they are scored."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from trainer.data.loading import Loaded
from trainer.data.tag_rows import read_cells, read_learned, read_loaded, row_problems
from trainer.errors import DataError
from trainer.tagging.decoding import entities_of, fields_of
from trainer.tagging.path import allowed, best_tags
from trainer.tagging.schemes import parted, read_tags, scheme_of
from trainer.tagging.scores import errors, scores
from trainer.tagging.units import Passage, passages_of, tags_of, text_of, units_of

SCHEMES = {
    "IOB1": ["I-PER", "I-PER", "B-PER", "O", "I-ORG", "O"],
    "IOB2": ["B-PER", "I-PER", "B-PER", "O", "B-ORG", "O"],
    "BIOES": ["B-PER", "E-PER", "S-PER", "O", "S-ORG", "O"],
    "BMES": ["B-PER", "E-PER", "S-PER", "O", "B-ORG", "M-ORG"],
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_schemes(scheme: str) -> None:
    tags = SCHEMES[scheme]
    assert scheme_of([tags]) == scheme
    read = read_tags(tags, scheme_of([tags]))
    assert read.passages[:3] == [(0, 2, "PER"), (2, 3, "PER"), (4, 6 if scheme == "BMES" else 5, "ORG")]


def test_names_without_a_prefix_and_lower_bilou() -> None:
    assert scheme_of([["PER", "PER", "O", "LOC"]]) == "plain"
    assert read_tags(["PER", "PER", "O", "LOC"], "plain").passages == [(0, 2, "PER"), (3, 4, "LOC")]
    assert read_tags(["B-A", "L-A", "U-B"], "BIOES").passages == [(0, 2, "A"), (2, 3, "B")]


def test_a_slip_is_repaired_and_counted() -> None:
    read = read_tags(["O", "I-PER", "I-PER", "B-LOC", "I-PER"], "IOB2")
    assert read.passages == [(1, 3, "PER"), (3, 4, "LOC"), (4, 5, "PER")]
    assert read.repaired == 2
    assert read_tags(["O", "I-PER"], "IOB1").repaired == 0
    assert read_tags(["B-PER", "O"], "BIOES").repaired == 1


def strict_passages(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """The passages of tags in IOB2 as seqeval's strict mode takes them: only B- begins one, and I- of the same label goes on."""
    found: list[tuple[int, int, str]] = []
    is_open = False
    for place, tag in enumerate(tags):
        prefix, label = parted(tag)
        if prefix == "B":
            found.append((place, place + 1, label))
            is_open = True
        elif prefix == "I" and is_open and found[-1][2] == label:
            found[-1] = (found[-1][0], place + 1, label)
        else:
            is_open = False
    return set(found)


@pytest.mark.parametrize(
    ("truth", "found", "f1"),
    [
        # The examples of seqeval's README and of its tests of the strict mode (MIT, Nakayama 2018).
        (
            [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]],
            [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]],
            0.5,
        ),
        ([["B-NP", "I-NP", "O"]], [["I-NP", "I-NP", "O"]], 0.0),
        ([["B-PER", "I-PER", "O"]], [["B-PER", "B-PER", "O"]], 0.0),
        ([["O", "B-A", "O", "B-B"]], [["O", "B-A", "O", "B-A"]], 0.5),
        ([["O", "O"]], [["O", "O"]], 1.0),
    ],
)
def test_the_strict_rule(truth: list[list[str]], found: list[list[str]], f1: float) -> None:
    sets = [[frozenset(strict_passages(tags)) for tags in rows] for rows in (truth, found)]
    assert scores(*sets)["entity_f1"] == pytest.approx(f1)


def test_precision_and_recall() -> None:
    truth = [frozenset({(0, 1, "A"), (3, 4, "B")}), frozenset[Any]()]
    found = [frozenset({(0, 1, "A")}), frozenset({(0, 2, "A")})]
    assert scores(truth, found) == pytest.approx({"entity_f1": 0.5, "entity_precision": 0.5, "entity_recall": 0.5})


def test_kinds_of_errors() -> None:
    truth = frozenset({(0, 2, "A"), (5, 9, "B"), (20, 22, "C"), (30, 31, "A")})
    found = frozenset({(0, 2, "B"), (5, 8, "B"), (40, 41, "C"), (30, 31, "A")})
    assert [kind for kind, _true, _found in errors(truth, found)] == ["type", "bounds", "missed", "invented"]


def test_units() -> None:
    def words(text: str) -> list[str]:
        return [text[start:end] for start, end in units_of(text)]

    assert words("Anna's café, 3km!") == ["Anna", "'", "s", "café", ",", "3km", "!"]
    assert words("高勇在IBM") == ["高", "勇", "在", "IBM"]
    assert words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert words("😀 ok") == ["😀", "ok"]
    assert words("서울에서") == list("서울에서")


@pytest.mark.parametrize("tokens", [["Anna", "lives", "."], ["高", "勇", "1", "9"], ["我", "在", "New", "York"], ["a"]])
def test_tokens_stand_in_their_text(tokens: list[str]) -> None:
    text, places = text_of(tokens)
    assert [text[start:end] for start, end in places] == tokens
    assert text_of(["高", "勇", "1", "9"])[0] == "高勇19"
    assert text_of(["New", "York", "市"])[0] == "New York市"


def test_passages_there_and_back() -> None:
    text, labels = "anna weber lives in new york", ["person", "place"]
    passages = [Passage(0, 10, "person"), Passage(20, 28, "place")]
    tags = tags_of(units_of(text), passages, {"person": 0, "place": 1})
    assert tags == [1, 2, 0, 0, 3, 4]
    assert passages_of(units_of(text), tags, labels) == passages
    beside = [Passage(0, 4, "person"), Passage(5, 10, "person")]
    tags = tags_of(units_of(text), beside, {"person": 0, "place": 1})
    assert tags[:2] == [1, 1]
    assert passages_of(units_of(text), tags, labels) == beside


def test_the_best_path_is_the_best_of_all() -> None:
    import itertools

    generator = np.random.default_rng(0)
    follows = generator.normal(size=(5, 5)).astype(np.float32)
    every = [generator.normal(size=(length, 5)).astype(np.float32) for length in (1, 2, 4, 3)]
    for learned in (None, follows):
        matrix = allowed(5) if learned is None else learned + allowed(5)

        def value(scores: np.ndarray, path: tuple[int, ...], matrix: np.ndarray = matrix) -> float:
            start = -1e9 if path[0] in (2, 4) else 0.0
            return (
                start
                + sum(scores[i, tag] for i, tag in enumerate(path))
                + sum(matrix[a, b] for a, b in itertools.pairwise(path))
            )

        for each, tags in zip(every, best_tags(every, learned), strict=True):
            paths = itertools.product(range(5), repeat=len(each))
            assert tuple(tags.tolist()) == max(paths, key=lambda path, each=each: value(each, path))  # type: ignore[misc]


def test_no_passage_goes_on_that_was_not_begun() -> None:
    scores = np.zeros((3, 3), dtype=np.float32)
    scores[:, 2] = 5.0
    (entities,) = entities_of(["a b c"], [scores], ["x"])
    assert [(entity["start"], entity["end"], entity["label"]) for entity in entities] == [(0, 5, "x")]
    assert entities_of([""], [np.zeros((0, 3), dtype=np.float32)], ["x"]) == [[]]


def test_fields() -> None:
    entities = [{"label": "to", "text": "Rome"}, {"label": "from", "text": "Oslo"}, {"label": "to", "text": "Bari"}]
    assert fields_of(entities) == {"to": ["Rome", "Bari"], "from": "Oslo"}


def test_rows_that_cannot_be_read_are_told_by_number() -> None:
    tokens = ['["a", "b"]', '["a"]', "a b", '["c", "d"]', None]
    tags = ['["O", "B-X"]', '["O", "O"]', '["O"]', '["O", "I-X"]', '["O"]']
    read = read_cells(tokens, tags)
    assert (read.unequal, read.unread) == ([1], [2, 4])
    told = {problem["code"]: problem["rows"] for problem in row_problems(read)}
    assert told["unequal_tags"] == [2]
    assert told["unread_tags"] == [3, 5]
    assert json.loads(tags[0]) == ["O", "B-X"]


def test_the_net_sees_a_text_alike_alone_and_beside_longer_ones() -> None:
    torch = pytest.importorskip("torch")
    from trainer.families.text.unit_net import UnitNet
    from trainer.tagging import net

    torch.manual_seed(0)
    vocabulary = net.Vocabulary.of(["Anna lives in 高勇 2", "Anna lives"] * 2)
    model = UnitNet(vocabulary, ["x", "y"]).eval()
    every = [vocabulary.encode(text) for text in ("Anna lives in 高勇 2 today", "Anna", "in Oslo")]

    def scores(encoded: list[dict[str, np.ndarray]]) -> np.ndarray:
        arrays = net.batch(encoded)
        with torch.inference_mode():
            found: np.ndarray = model(*(torch.from_numpy(arrays[name]) for name in net.INPUTS)).numpy()
        return found

    together = scores(every)
    for row, one in enumerate(every):
        alone = scores([one])[0]
        assert np.allclose(together[row, : len(alone)], alone, atol=1e-5)


def test_the_loss_of_the_net_is_that_of_all_paths() -> None:
    import itertools

    torch = pytest.importorskip("torch")
    from trainer.families.text.unit_net import UnitNet
    from trainer.tagging import net

    torch.manual_seed(0)
    model = UnitNet(net.Vocabulary([], []), ["x", "y"])
    torch.nn.init.normal_(model.transitions)
    scores, mask = torch.randn(2, 4, 5), torch.tensor([[True] * 4, [True, True, False, False]])
    every = model.every_path(scores, mask)
    matrix = model.transitions + model.allowed
    for row, length in enumerate((4, 2)):
        values = [
            scores[row, range(length), list(path)].sum()
            + model.start[path[0]]
            + sum(matrix[a, b] for a, b in itertools.pairwise(path))
            for path in itertools.product(range(5), repeat=length)
        ]
        assert torch.logsumexp(torch.stack(values), 0).item() == pytest.approx(every[row].item(), rel=1e-4)


def test_windows_show_every_unit_of_a_long_text() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    from trainer.tagging.subwords import Subwords

    words = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, **{letter: at for at, letter in enumerate("abcdefgh", 4)}}
    raw = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    subwords = Subwords(raw, 10)
    long, short = " ".join("abcdefgh" * 5), "a b"
    encoded = subwords.encode([long, short])
    assert max(map(len, encoded[0].windows)) == 10
    ids, mask, picks = subwords.batch(encoded)
    assert ids.shape == mask.shape
    assert ids.reshape(-1)[picks[0]].tolist() == [words[letter] for letter in "abcdefgh" * 5]
    assert ids.reshape(-1)[picks[1][:2]].tolist() == [4, 5]
    assert (picks[1][2:] == -1).all()


def test_an_answer_as_fields() -> None:
    from trainer.answers.base_scoring import scoring_of

    entities = [{"label": "to", "text": "Rome", "start": 0, "end": 4, "score": 1.0}]
    assert scoring_of("spans").fields({"entities": entities}) == {"to": "Rome"}
    assert scoring_of("class").fields({"label": "a"}) is None


def loaded_of(rows: list[tuple[list[str], list[str]]]) -> Loaded:
    values = {"tokens": [json.dumps(tokens) for tokens, _tags in rows], "tags": [json.dumps(tags) for _t, tags in rows]}
    split = np.array(["train"] * len(rows), dtype=object)
    return Loaded(values, split, [number + 1 for number in range(len(rows))], {}, [], answer="tags", kind="spans")


def test_rows_become_texts_with_passages() -> None:
    loaded = loaded_of([(["a", "b"], ["O", "B-X"]), (["a"], ["O", "O"]), (["c", "d"], ["B-Y", "I-Y"])])
    read_learned(loaded)
    assert loaded.values["tokens"] == ["a b", "c d"]
    assert [json.loads(cell) for cell in loaded.answers] == [
        [{"start": 2, "end": 3, "label": "X"}],
        [{"start": 0, "end": 3, "label": "Y"}],
    ]
    assert loaded.row_numbers == [1, 3]
    assert [(told["code"], told["rows"]) for told in loaded.problems] == [("unequal_tags", [2])]


def test_nothing_marked_cannot_be_learned_but_scored() -> None:
    with pytest.raises(DataError, match="every tag is O"):
        read_learned(loaded_of([(["a", "b"], ["O", "O"])]))
    loaded = loaded_of([(["a", "b"], ["O", "O"])])
    read_loaded(loaded)
    assert loaded.answers == ["[]"]
