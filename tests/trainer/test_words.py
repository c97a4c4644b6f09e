"""Counting words: against scikit-learn, exact explanations, and texts of any script."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from trainer.families.text.counting import SNIPPET
from trainer.words import WORD, Terms, Vocabulary, WordModel, is_spaced, names_of, spans_of

TEXTS = [
    "The parcel is late, again!",
    "Where is my parcel?",
    "parcel parcel parcel",
    "İstanbul'a kargo gelmedi",
    "包裹还没有到，我的包裹呢？",
    "",
    "?!  ",
]
WORDS, CHARACTERS, BOTH = Terms((1, 2), (0, 0)), Terms((0, 0), (1, 3)), Terms((1, 2), (2, 4))


def test_weights_are_those_of_scikit_learn() -> None:
    vocabulary = Vocabulary.learn(TEXTS, WORDS, most=1_000)
    reference = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), tokenizer=WORD.findall, token_pattern=None)
    texts = [text for text in TEXTS if "İ" not in text]
    own = Vocabulary.learn(texts, WORDS, most=1_000)
    wanted = reference.fit_transform(texts).toarray()
    assert own.names == sorted(reference.vocabulary_)
    for row, text in enumerate(texts):
        places, weights = own.weigh(text)
        dense = np.zeros(len(own.names))
        dense[places] = weights
        assert dense == pytest.approx(wanted[row, [reference.vocabulary_[name] for name in own.names]], abs=1e-6)
    assert len(vocabulary.names) > len(own.names)


@pytest.mark.parametrize("terms", [WORDS, CHARACTERS, BOTH])
@pytest.mark.parametrize("text", TEXTS)
def test_terms_and_their_places_are_the_same(text: str, terms: Terms) -> None:
    assert sorted(names_of(text, terms)) == sorted(span.term for span in spans_of(text, terms))
    assert all(0 <= span.start < span.end <= len(text) for span in spans_of(text, terms))


@pytest.mark.parametrize("terms", [WORDS, CHARACTERS, BOTH])
def test_parts_add_up_to_the_answer(terms: Terms) -> None:
    vocabulary = Vocabulary.learn(TEXTS, terms, most=1_000)
    generator = np.random.default_rng(0)
    model = WordModel(vocabulary, generator.normal(size=(len(vocabulary.names), 3)).astype(np.float32), np.ones(3))
    for text in TEXTS:
        for direction in np.eye(3):
            parts = model.contributions(text, direction)
            whole = (model.outputs([text])[0] - model.bias) @ direction
            assert sum(part for _start, _end, part in parts) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("terms", [WORDS, CHARACTERS, BOTH])
def test_the_snippet_of_the_model_card_answers_alike(
    terms: Terms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary = Vocabulary.learn([*TEXTS, "your text"], terms, most=1_000)
    weight = np.random.default_rng(0).normal(size=(len(vocabulary.names), 2)).astype(np.float32)
    model = WordModel(vocabulary, weight, np.ones(2))
    model.save(tmp_path / "model")
    (tmp_path / "manifest.json").write_text('{"labels": ["a", "b"]}', "utf-8")
    monkeypatch.chdir(tmp_path)
    values: dict[str, Any] = {}
    exec(SNIPPET, values)
    assert values["logits"] == pytest.approx(model.outputs(["your text"])[0], abs=1e-5)
    assert WordModel.load(tmp_path / "model").outputs(TEXTS) == pytest.approx(model.outputs(TEXTS))


def test_what_is_kept_is_the_commonest() -> None:
    assert Vocabulary.learn(["a b", "a c", "a b d"], Terms((1, 1), (0, 0)), most=2).names == ["a", "b"]
    assert Vocabulary.learn(["a b", "a c"], Terms((1, 1), (0, 0)), most=9, least=2).names == ["a"]


def test_scripts_without_blanks() -> None:
    assert not is_spaced(["包裹还没有到", "我的包裹呢？ ok"])
    assert is_spaced(["where is it", "包裹还没有到", "here"])
