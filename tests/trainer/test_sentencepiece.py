"""Models of the hub that come with SentencePiece's files alone: texts are cut by their scores, and a Marian goes the whole way."""

import json
import string
from pathlib import Path

import pytest
from transformers.utils import sentencepiece_model_pb2_new as schema

from tests.trainer import command
from tests.trainer.tiny_writers import TWO
from trainer.engines import open_engine
from trainer.errors import ModelError
from trainer.families.text.encoder_decoder import own_tokenizers
from trainer.families.text.pieces import SPACE, tokenizers_of

CONTROL, UNKNOWN, NORMAL = 3, 2, 1


def write_model(path: Path, words: dict[str, float], special: dict[str, int], kind: int = 1) -> None:
    """One of unigrams: letters and digits, and `words` with their scores."""
    model = schema.ModelProto()
    model.trainer_spec.model_type = kind
    letters = dict.fromkeys([*string.ascii_lowercase, *string.digits, SPACE], -8.0)
    every = [(name, 0.0, of) for name, of in special.items()]
    for name, score, of in [*every, *((name, score, NORMAL) for name, score in (letters | words).items())]:
        piece = model.pieces.add()
        piece.piece, piece.score, piece.type = name, score, of
    path.write_bytes(model.SerializeToString())


def marian(folder: Path) -> Path:
    """Without a tokenizer.json; both files count by vocab.json."""
    import torch
    import transformers as t

    special = {"<unk>": UNKNOWN, "</s>": CONTROL}
    words = {"source.spm": {f"{SPACE}the": -1.0, "ab": -2.0}, "target.spm": {f"{SPACE}der": -1.0, "abc": -2.0}}
    names = ["</s>", "<unk>", *string.ascii_lowercase, *string.digits, SPACE]
    names += [*(word for own in words.values() for word in own), "<pad>"]
    torch.manual_seed(0)
    ids = TWO | {"eos_token_id": 0, "forced_eos_token_id": 0, "bos_token_id": 0}
    pads = {"pad_token_id": len(names) - 1, "decoder_start_token_id": len(names) - 1}
    t.MarianMTModel(t.MarianConfig(vocab_size=len(names), **ids | pads)).save_pretrained(folder)
    for name, own in words.items():
        write_model(folder / name, own, special)
    (folder / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(names)}), "utf-8")
    return folder


def test_texts_are_cut_by_the_scores_of_their_own_side(tmp_path: Path) -> None:
    read, written = own_tokenizers(marian(tmp_path))
    cut = [each.encode("the  abc", add_special_tokens=False) for each in (read, written)]
    assert cut[0].tokens == [f"{SPACE}the", SPACE, "ab", "c"]
    assert cut[1].tokens[-1] == "abc"
    assert "ab" not in cut[1].tokens
    assert read.decode(cut[1].ids, skip_special_tokens=True) == "the abc"


def test_a_t5_counts_its_own_pieces(tmp_path: Path) -> None:
    write_model(tmp_path / "spiece.model", {f"{SPACE}the": -1.0}, {"<pad>": CONTROL, "</s>": CONTROL, "<unk>": UNKNOWN})
    found = tokenizers_of(tmp_path)
    assert found is not None
    assert found[0].token_to_id("</s>") == 1
    assert found[0].encode("the é", add_special_tokens=False).tokens == [f"{SPACE}the", SPACE, "é"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        own_tokenizers(tmp_path)
    (tmp_path / "spiece.model").write_bytes(b"\xff\xfe none")
    with pytest.raises(ModelError, match="is damaged"):
        own_tokenizers(tmp_path)
    write_model(tmp_path / "spiece.model", {}, {"<unk>": UNKNOWN}, kind=2)
    with pytest.raises(ModelError, match="not of unigrams"):
        own_tokenizers(tmp_path)


def test_a_marian_goes_the_whole_way(tmp_path: Path) -> None:
    marian(tmp_path / "models" / "opus")
    rows = [{"source": f"the lamp {number}", "target": f"der halle abc {number}"} for number in range(20)]
    fields = {"task": "translation", "method": "full", "model": "local:opus", "params": {"epochs": 1}}
    spec = command.write_spec(tmp_path, rows, **fields)
    code, events = command.call(tmp_path / "models", "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    artifact = tmp_path / "out" / "artifact"
    assert json.loads((artifact / "report.json").read_text("utf-8"))["export"]["agreement"] == 1.0
    engine = open_engine(artifact, verify=True)
    assert {path.name for path in engine.other_files()} >= {"tokenizer.json", "target_tokenizer.json"}
    assert "generated_text" in engine.predict([engine.read("the lamp 3")])[0]
