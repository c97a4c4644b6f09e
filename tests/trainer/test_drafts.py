"""Answers that are written together are those that each would be alone, whenever they join."""

from pathlib import Path

import numpy as np
import pytest

from tests.trainer import tiny_writer
from trainer.writing import decoders, drafts
from trainer.writing.drafts import Draft, advance, finished, write
from trainer.writing.network import Network
from trainer.writing.prompts import Template
from trainer.writing.reader import Part
from trainer.writing.sampling import Options, likely

PROMPTS = [f"Where is {'the lamp, ' * number}please?" for number in (0, 7, 1, 0, 4, 2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def decoder(folder: Path) -> Network:
    return decoders.load(folder)


@pytest.fixture(scope="module")
def template(folder: Path) -> Template:
    return Template.load(folder)


def draft_of(decoder: Network, template: Template, text: str, options: Options) -> Draft:
    return Draft(decoder, template, template.begun(text), options, template.begun(text))


def test_parts_are_read_together_as_alone(decoder: Network) -> None:
    ids = [np.arange(2, 2 + size) for size in (9, 1, 4)]
    together = [decoder.cache(12) for _part in ids]
    decoder.read(np.array([5, 6]), together[1])
    read = decoder.read_together([Part(*pair) for pair in zip(ids, together, strict=True)])
    alone = decoder.cache(12)
    decoder.read(np.array([5, 6]), alone)
    right = [
        decoder.read(ids[0], decoder.cache(9)),
        decoder.read(ids[1], alone),
        decoder.read(ids[2], decoder.cache(4)),
    ]
    assert all(np.allclose(*pair, atol=1e-5) for pair in zip(read, right, strict=True))
    assert [cache.length for cache in together] == [9, 3, 4]


@pytest.mark.parametrize("options", [Options(20), Options(20, 1.0, 0.9, seed=5, top_k=40, min_p=0.01)])
def test_who_joins_later_changes_no_answer(
    decoder: Network, template: Template, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long prompts are read over several steps meanwhile."""
    monkeypatch.setattr(drafts, "READ_AT_ONCE", 11)
    waiting = [draft_of(decoder, template, text, options) for text in PROMPTS]
    everyone = list(waiting)
    running: list[Draft] = []
    while running or waiting:
        running = [draft for draft in [*running, *waiting[:1]] if not draft.finish]
        waiting = waiting[1:]
        advance(decoder, running)
        running = [draft for draft in running if not draft.finish]
    monkeypatch.undo()
    for draft, text in zip(everyone, PROMPTS, strict=True):
        ids = template.begun(text)
        pieces = list(write(decoder, template, ids, options, ids))
        assert draft.text == "".join(piece.text for piece in pieces)
        assert (len(draft.written), draft.finish) == (pieces[-1].tokens, pieces[-1].finish)


def test_caches_are_given_back_and_bounded(
    decoder: Network, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [draft_of(decoder, template, text, Options(6)) for text in PROMPTS]
    monkeypatch.setattr(drafts, "CACHES", many[1].bytes)
    finished(decoder, many)
    assert all(draft.finish and draft.opened is None for draft in many)
    assert not drafts.has_room([many[1]], many[0])
    nothing = draft_of(decoder, template, "a", Options(0))
    finished(decoder, [nothing])
    assert (nothing.text, nothing.finish) == ("", "length")


def test_pieces_are_the_text_of_all_tokens(decoder: Network, template: Template) -> None:
    """Whatever bytes a model with random weights writes."""
    for seed in range(5):
        ids = template.begun("a")
        draft = Draft(decoder, template, ids, Options(60, 1.5, seed=seed), ids[:0])
        told = "".join(piece.text for piece in drafts.alone(decoder, draft))
        assert told == draft.text
        assert told.replace("\ufffd", "") == template.decode(draft.written).replace("\ufffd", "")


def test_what_is_drawn_among() -> None:
    shares = np.array([0.05, 0.4, 0.3, 0.15, 0.1])
    assert set(likely(shares, Options(top_k=2))) == {1, 2}
    assert set(likely(shares, Options(min_p=0.3))) == {1, 2, 3}
    assert set(likely(shares, Options(top_p=0.6))) == {1, 2}
    assert set(likely(shares, Options(top_p=0.0))) == {1}
    assert set(likely(shares, Options(top_k=3, top_p=0.8))) == {1, 2}
    assert likely(np.full(4, 0.25), Options(top_p=1e-9)).tolist() == [0]
    assert set(likely(np.array([0.5, 0.0, 0.5]), Options())) == {0, 2}


@pytest.mark.parametrize("seed", range(5))
def test_the_nucleus_is_that_of_its_definition(seed: int) -> None:
    shares = np.random.default_rng(seed).dirichlet(np.full(300, 0.1))
    order = np.argsort(-shares)
    before = np.cumsum(shares[order]) - shares[order]
    assert set(likely(shares, Options(top_p=0.7))) == set(order[before < 0.7])
