"""Texts whose words the model does not know are told."""

from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from tests.trainer.small_learning import job_of
from trainer import models
from trainer.families.text import encoder
from trainer.families.text.vocabulary import find_unknown, tell_unknown

PLAIN = ["The parcel arrived late and the box was damaged, so please send my money back."] * 40
CODES = ["Replace gskt XKQ-77A2 and vlv assy FZ9981 by nbr70 hydroxychloroquine olaparib."] * 40
EMOJI = ["🜚🜛 🜚🜛 fine"] * 300


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return encoder.load_tokenizer(models.resolve("bundled:all-MiniLM-L6-v2"))


def test_words_of_everyday_are_known(tokenizer: PreTrainedTokenizerFast) -> None:
    assert find_unknown(tokenizer, PLAIN) is None


def test_codes_and_names_of_drugs_are_not(tokenizer: PreTrainedTokenizerFast) -> None:
    unknown = find_unknown(tokenizer, CODES)
    assert unknown is not None
    assert 0.3 < unknown.share < 0.8
    assert len(unknown.words) == 3
    assert all(word in CODES[0] for word in unknown.words)


def test_what_is_no_token_at_all_counts(tokenizer: PreTrainedTokenizerFast) -> None:
    unknown = find_unknown(tokenizer, EMOJI)
    assert unknown is not None
    assert unknown.share == pytest.approx(2 / 3)


def test_a_few_words_tell_nothing(tokenizer: PreTrainedTokenizerFast) -> None:
    assert find_unknown(tokenizer, CODES[:20]) is None
    assert find_unknown(tokenizer, []) is None


def test_how_the_tokenizer_cuts_stays_as_it_was(tokenizer: PreTrainedTokenizerFast) -> None:
    tokenizer.backend_tokenizer.enable_truncation(8)
    find_unknown(tokenizer, CODES)
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 8


@pytest.mark.parametrize(("params", "codes"), [({}, ["unknown_words"]), ({"train_embeddings": True}, [])])
def test_it_is_told_unless_they_are_learned(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, params: dict[str, Any], codes: list[str]
) -> None:
    job = job_of(tmp_path, params)
    tell_unknown(job, tokenizer, CODES)
    assert [warning["code"] for warning in job.warnings] == codes
    if codes:
        assert "XKQ" in job.warnings[0]["message"]
