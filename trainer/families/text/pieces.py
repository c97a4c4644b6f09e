"""A tokenizer of the files that T5, mT5 and Marian come with where they have no tokenizer.json: a model of SentencePiece (Kudo and
Richardson 2018; unigrams, Kudo 2018), read without its library."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from trainer.files import read_json

SPACE = "▁"
UNIGRAM, NORMAL, UNKNOWN = 1, 1, 2
"""Kinds of models, and of pieces."""
MODEL, SOURCE, TARGET, VOCABULARY = "spiece.model", "source.spm", "target.spm", "vocab.json"
NEVER = -1e4
"""Score of a piece that is not one of the texts that are cut."""


def tokenizers_of(folder: Path) -> tuple[Tokenizer, Tokenizer] | None:
    """(of what is read, of what is written); None where there are no such files."""
    if (folder / SOURCE).exists() and (folder / TARGET).exists():
        ids: dict[str, int] = read_json(folder / VOCABULARY)
        return tokenizer_of(read_model(folder / SOURCE), ids), tokenizer_of(read_model(folder / TARGET), ids)
    if not (folder / MODEL).exists():
        return None
    model = read_model(folder / MODEL)
    made = tokenizer_of(model, {piece.piece: number for number, piece in enumerate(model.pieces)})
    return made, made


def read_model(path: Path) -> Any:  # noqa: ANN401
    """Its message in the form of protocol buffers, whose types nobody has written. ValueError: it is damaged or cuts otherwise."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from transformers.utils import sentencepiece_model_pb2_new as schema

    model = schema.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(f"{path.name} is damaged") from error
    if model.trainer_spec.model_type != UNIGRAM:
        raise ValueError(f"{path.name} is not of unigrams")
    return model


def tokenizer_of(model: Any, ids: Mapping[str, int]) -> Tokenizer:  # noqa: ANN401
    """One that cuts by the scores of the model and counts by `ids`."""
    scores = {piece.piece: piece.score for piece in model.pieces if piece.type == NORMAL}
    unknown = next(piece.piece for piece in model.pieces if piece.type == UNKNOWN)
    names = {number: piece for piece, number in ids.items()}
    vocabulary = [(names.get(number, f"<unused_{number}>"), NEVER) for number in range(max(names) + 1)]
    scored = [(piece, scores.get(piece, score)) for piece, score in vocabulary]
    tokenizer = Tokenizer(models.Unigram(scored, ids[unknown], byte_fallback=False))
    cleaned: list[normalizers.Normalizer] = [normalizers.Replace(Regex(" {2,}"), " ")]
    if model.normalizer_spec.precompiled_charsmap:
        cleaned = [normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap), *cleaned]
    tokenizer.normalizer = normalizers.Sequence(cleaned)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    special = [piece.piece for piece in model.pieces if piece.type not in (NORMAL,) and piece.piece in ids]
    tokenizer.add_special_tokens([*special, *(name for name in ("<pad>",) if name in ids)])
    return tokenizer
