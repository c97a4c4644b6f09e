"""Models over a text encoder: what they see of a text, what they keep of it, and that they answer alike after they were saved."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving import tiny
from trainer.families.text import question_model, taggers
from trainer.families.text.encoder import EncoderClassifier, longest, pool
from trainer.families.text.matcher import Calibrated, Matcher, VectorGraph
from trainer.families.text.question_model import QuestionModel, passage_loss
from trainer.families.text.reranker import RelevanceGraph, Reranker
from trainer.families.text.taggers import IGNORED, Tagger
from trainer.learning.heads import NumberHead, head_of, without_dropout
from trainer.params import FineTuningParams
from trainer.passages.decoding import NOWHERE
from trainer.similarity.forms import BINARY, GRADED, POSITIVES, Scale


@pytest.fixture(scope="module")
def reads() -> tuple[Any, Any]:
    return tiny.encoder()


@pytest.fixture(scope="module")
def batch(reads: tuple[Any, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Three texts of other lengths, padded."""
    encoded = reads[1](tiny.texts(9)[4:7], padding=True, return_tensors="pt")
    assert not encoded["attention_mask"].all()
    return encoded["input_ids"], encoded["attention_mask"]


def head_drawn(model: nn.Module, seed: int = 0) -> nn.Module:
    """With other weights than those a layer begins with."""
    torch.manual_seed(seed)
    for value in model.parameters():
        nn.init.normal_(value, std=0.3)
    return model


def alone(batch: tuple[torch.Tensor, torch.Tensor], row: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A text of the batch by itself, without its padding."""
    length = int(batch[1][row].sum())
    return batch[0][row : row + 1, :length], batch[1][row : row + 1, :length]


# What is seen


def test_a_text_is_the_mean_of_its_tokens_without_the_padding() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]], [[5.0, 6.0], [9.0, 9.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert pool(hidden, mask, "mean").tolist() == [[2.0, 3.0], [5.0, 6.0]]
    assert pool(hidden, mask, "cls").tolist() == [[1.0, 2.0], [5.0, 6.0]]
    assert pool(hidden, torch.zeros_like(mask), "mean").tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert pool(hidden.bfloat16(), mask, "mean").dtype == torch.float32


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("layers", ["last", "mean"])
def test_a_text_is_answered_alike_alone_and_beside_longer_ones(
    reads: tuple[Any, Any], batch: tuple[torch.Tensor, torch.Tensor], pooling: str, layers: str
) -> None:
    model = EncoderClassifier(reads[0], ["a", "b"], pooling=pooling, layers=layers).eval()
    with torch.inference_mode():
        together = model(*batch)
        for row in range(len(together)):
            assert model(*alone(batch, row))[0].tolist() == pytest.approx(together[row].tolist(), abs=1e-5)


def test_the_mean_of_layers_is_that_of_all_but_the_words(
    reads: tuple[Any, Any], batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    model = EncoderClassifier(reads[0], ["a", "b"], pooling="mean", layers="mean").eval()
    with torch.inference_mode():
        every = reads[0](input_ids=batch[0], attention_mask=batch[1], output_hidden_states=True).hidden_states
        assert torch.allclose(model.hidden(*batch), torch.stack(every[1:]).mean(0), atol=1e-6)


def test_vectors_have_length_one_and_scores_are_their_cosines(
    reads: tuple[Any, Any], batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    model = Matcher(reads[0], GRADED).eval()
    model.head.calibrate(4.0, 1.0)
    with torch.inference_mode():
        vectors = model.vectors(*batch)
        assert vectors.norm(dim=1).tolist() == pytest.approx([1.0] * 3)
        scores = model(batch[0][:2], batch[1][:2], batch[0][1:], batch[1][1:])
        cosines = nn.functional.cosine_similarity(vectors[:2], vectors[1:])
        assert scores[:, 0].tolist() == pytest.approx((4 * cosines + 1).tolist(), abs=1e-5)
        assert torch.equal(VectorGraph(model)(*batch), vectors)
        assert model.train()(*batch, *batch).shape == (3, 2, 32)
    model.eval()


def test_pairs_that_are_alike_or_not_have_probabilities() -> None:
    head = Calibrated(BINARY)
    head.calibrate(10.0, -5.0)
    assert head(torch.tensor([0.5, 1.0])).tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-5.0))])
    graded = Calibrated(GRADED)
    assert graded(torch.tensor([0.25])).tolist() == [0.25], "before it is calibrated"


def test_both_texts_at_once_are_scored_on_the_scale_of_the_rows(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    model = Reranker(tiny.encoder()[0], tiny.encoder(1)[0], GRADED, Scale(1.0, 5.0)).eval()
    types = torch.zeros_like(batch[0])
    with torch.inference_mode():
        logits, scores = model.features(*batch, types), model(*batch, types)
        assert scores.tolist() == (1 + 4 * torch.sigmoid(logits)).tolist()
        assert torch.equal(RelevanceGraph(model)(*batch, types), logits)
        model.prepare_to_learn(FineTuningParams())
        assert torch.equal(model.train()(*batch, types), logits), "without dropout, while it learns"
    assert model.reads_types


# Units and passages


def test_a_unit_without_a_sub_word_is_surely_outside(
    reads: tuple[Any, Any], batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    model = Tagger(reads[0], ["x"]).eval()
    picks = torch.tensor([[1, 2, -1]])
    with torch.inference_mode():
        scores, picked = model(*batch, picks), model.features(*batch, picks)
        hidden = model.encoder(input_ids=batch[0], attention_mask=batch[1]).last_hidden_state
        assert torch.equal(picked[0, :2], hidden.flatten(0, 1)[1:3])
        assert torch.equal(scores[0, :2], model.head(picked)[0, :2])
        assert torch.equal(taggers.Graph(model)(*batch), model.head(hidden)), "what is packaged"
    assert scores[0, 2].argmax() == 0
    assert torch.softmax(scores[0, 2], 0)[0] > 0.999
    assert model.follows() is None


def test_units_that_are_not_learned_from_do_not_count() -> None:
    model = Tagger(tiny.encoder()[0], ["x"])
    scores = torch.randn(2, 3, 3, generator=torch.manual_seed(0))
    targets = torch.tensor([[0, 2, IGNORED], [1, IGNORED, IGNORED]])
    every = nn.functional.cross_entropy(scores[[0, 0, 1], [0, 1, 0]], torch.tensor([0, 2, 1]))
    assert model.tag_loss(scores, targets, 0.0).item() == pytest.approx(every.item())
    assert model.tag_loss(scores, targets, 0.3).item() > 0


def test_the_loss_of_a_passage_is_the_mean_of_its_two_ends() -> None:
    scores = torch.randn(3, 5, 2, generator=torch.manual_seed(0))
    targets = torch.tensor([[1, 2], [0, 0], [3, 4]])
    logs = torch.log_softmax(scores, dim=1)
    ends = [-logs[row, targets[row, side], side] for row in range(3) for side in (0, 1)]
    assert passage_loss(scores, targets).item() == pytest.approx(torch.stack(ends).mean().item())


def test_only_the_context_and_the_place_for_none_can_be_an_answer() -> None:
    scores = question_model.allowed(torch.zeros(1, 4, 2), torch.tensor([[-1, -1, 7, 9]]))
    assert scores[0, :, 0].tolist() == [0.0, NOWHERE, 0.0, 0.0]


# What learns


@pytest.mark.parametrize("train_embeddings", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda reads: EncoderClassifier(reads, ["a", "b"], pooling="mean"),
        lambda reads: Tagger(reads, ["a"]),
        lambda reads: QuestionModel(reads),
        lambda reads: Matcher(reads, POSITIVES),
    ],
    ids=["classes", "passages", "questions", "vectors"],
)
def test_word_vectors_learn_only_where_they_are_asked_to(make: Any, train_embeddings: bool) -> None:
    model = make(tiny.encoder()[0])
    model.prepare_to_learn(FineTuningParams(train_embeddings=train_embeddings))
    frozen = [name for name, value in model.named_parameters() if not value.requires_grad]
    assert bool(frozen) is not train_embeddings
    assert all(".embeddings." in name for name in frozen)
    assert {module.p for module in model.encoder.modules() if isinstance(module, nn.Dropout)} == {0.0}


def test_of_a_second_stage_the_second_encoder_alone_learns() -> None:
    model = Reranker(tiny.encoder()[0], tiny.encoder(1)[0], POSITIVES, Scale(0, 1))
    model.prepare_to_learn(FineTuningParams())
    assert not any(value.requires_grad for value in model.encoder.parameters())
    learned = {name.split(".")[0] for name, value in model.named_parameters() if value.requires_grad}
    assert learned == {"joint", "relevance"}
    assert not model.joint.get_input_embeddings().weight.requires_grad


def test_dropout_of_every_kind_of_module_is_turned_off() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention_dropout, self.dropout_prob, self.dropout = 0.1, 0.2, nn.Dropout(0.3)
            self.layerdrop = 1  # no share

    module = Attends()
    without_dropout(module)
    assert (module.attention_dropout, module.dropout_prob, module.dropout.p, module.layerdrop) == (0.0, 0.0, 0.0, 1)


def test_a_number_is_learned_in_standard_units_and_answered_in_its_own() -> None:
    head = head_of(4, 0, "number")
    assert isinstance(head, NumberHead)
    features = torch.randn(3, 4)
    plain = head(features)
    head.set_units(100.0, 7.0)
    assert torch.allclose(head(features), 7 * plain + 100)
    assert head_of(4, 3, "class").out_features == head_of(4, 3, "labels").out_features == 3


# What is kept


def test_a_classifier_answers_alike_after_it_was_saved(
    reads: tuple[Any, Any], batch: tuple[torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    model = EncoderClassifier(reads[0], ["é", "猫", "🫖"], pooling="cls", normalise=True, layers="mean").eval()
    head_drawn(model.head)
    model.save(tmp_path, reads[1], 32)
    again = EncoderClassifier.load(tmp_path)
    assert (again.labels, again.pooling, again.normalise, again.layers) == (["é", "猫", "🫖"], "cls", True, "mean")
    with torch.inference_mode():
        assert torch.allclose(again(*batch), model(*batch), atol=1e-6)
    assert not again.training
    assert json.loads((tmp_path / "head.json").read_text())["max_length"] == 32


def test_a_number_keeps_its_units(reads: tuple[Any, Any], batch: tuple[Any, Any], tmp_path: Path) -> None:
    model = EncoderClassifier(reads[0], [], pooling="mean", answer="number").eval()
    head_drawn(model.head)
    model.head.set_units(1000.0, 50.0)  # type: ignore[operator]
    model.save(tmp_path, reads[1], 32)
    with torch.inference_mode():
        assert torch.allclose(EncoderClassifier.load(tmp_path)(*batch), model(*batch))


def test_vectors_and_their_scale_are_kept(reads: tuple[Any, Any], batch: tuple[Any, Any], tmp_path: Path) -> None:
    model = Matcher(reads[0], BINARY, "cls").eval()
    model.head.calibrate(3.5, -0.5)
    model.save(tmp_path, reads[1], {"max_length": 32, "scale": [0.0, 1.0]})
    again = Matcher.load(tmp_path)
    assert (again.form, again.pooling, again.head.is_probability) == (BINARY, "cls", True)
    with torch.inference_mode():
        assert torch.allclose(again(*batch, *batch), model(*batch, *batch), atol=1e-6)


def test_both_stages_are_kept(reads: tuple[Any, Any], batch: tuple[Any, Any], tmp_path: Path) -> None:
    model = Reranker(reads[0], tiny.encoder(1)[0], POSITIVES, Scale(0.0, 10.0)).eval()
    head_drawn(model.relevance)
    model.blend = 0.4
    model.save(tmp_path, reads[1], {"scale": [0.0, 10.0]})
    again = Reranker.load(tmp_path)
    assert (again.blend, again.scale) == (0.4, Scale(0.0, 10.0))
    with torch.inference_mode():
        assert torch.allclose(again(*batch), model(*batch), atol=1e-6)
        assert torch.allclose(again.vectors(*batch), model.vectors(*batch), atol=1e-6)


def test_a_tagger_and_a_reader_of_questions_are_kept(
    reads: tuple[Any, Any], batch: tuple[Any, Any], tmp_path: Path
) -> None:
    tagger = Tagger(reads[0], ["x", "y"]).eval()
    head_drawn(tagger.head)
    tagger.save(tmp_path / "tags", reads[1], 32)
    again = Tagger.load(tmp_path / "tags")
    picks = torch.tensor([[1, -1], [2, 3], [4, 5]])
    asked = QuestionModel(reads[0], scores_none=False).eval()
    head_drawn(asked.head)
    head_drawn(asked.overlap)
    asked.save(tmp_path / "asked", reads[1], 32)
    other = QuestionModel.load(tmp_path / "asked")
    places = torch.zeros_like(batch[0]), torch.zeros_like(batch[0]), torch.rand(*batch[0].shape, 4)
    with torch.inference_mode():
        assert torch.allclose(again(*batch, picks), tagger(*batch, picks), atol=1e-6)
        assert torch.allclose(other.scores(*batch, *places), asked.scores(*batch, *places), atol=1e-5)
    assert (again.labels, other.scores_none) == (["x", "y"], False)


@pytest.mark.parametrize(("wanted", "given"), [(32, 32), (64, 64), (512, 64), (2, 8)])
def test_no_text_is_longer_than_the_model_has_positions(
    reads: tuple[Any, Any], tmp_path: Path, wanted: int, given: int
) -> None:
    reads[0].config.save_pretrained(tmp_path)
    assert longest(tmp_path, wanted) == given
