"""A tokenizer of `tokenizer.json` as llama.cpp keeps one: byte-level BPE by its merges, BPE of SentencePiece by a score of each token."""

from collections.abc import Mapping
from typing import Any

from trainer.errors import ModelError
from trainer.messages import _

NORMAL, UNKNOWN, CONTROL, OWN, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""llama.cpp's types of tokens."""
BLANK = "\u2581"
"""SentencePiece's."""
CUTS = {
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|": "llama-bpe",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|": "qwen2",
}
"""How texts are cut into words (the beginning of the expression) → llama.cpp's name of it."""


def vocabulary(tokenizer: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """{method of gguf's writer: its argument}; `ModelError` for a tokenizer of another kind."""
    model = tokenizer["model"]
    if model.get("type") != "BPE":
        raise other_kind(str(model.get("type")))
    is_pieces = BLANK in str(tokenizer.get("normalizer")) or "Metaspace" in str(tokenizer.get("pre_tokenizer"))
    if not is_pieces and "ByteLevel" not in str(tokenizer.get("pre_tokenizer")):
        raise other_kind("BPE")
    names, types = listed(tokenizer, int(config["vocab_size"]))
    merges = [pair if isinstance(pair, list) else pair.split(" ", 1) for pair in model["merges"]]
    own = by_scores(tokenizer, names, merges) if is_pieces else by_merges(tokenizer, merges)
    begin, end = config.get("bos_token_id"), config.get("eos_token_id")
    ends = end if isinstance(end, list) else [] if end is None else [end]
    special = {"add_bos_token_id": begin, "add_eos_token_id": ends[0] if ends else None}
    special |= {"add_unk_token_id": names.index(model["unk_token"]) if model.get("unk_token") in names else None}
    begins = {"add_add_bos_token": begin is not None, "add_add_eos_token": False}
    known = {key: value for key, value in special.items() if value is not None}
    return {**own, "add_token_list": names, "add_token_types": types, **known, **begins}


def other_kind(name: str) -> ModelError:
    return ModelError(
        _("The tokens of this model (%(kind)s) cannot be written as GGUF here.", kind=name),
        code="no_gguf_form",
        hint=_("Byte-level BPE and BPE of SentencePiece can; from scratch, take the tokens “pieces”."),
    )


def listed(tokenizer: Mapping[str, Any], size: int) -> tuple[list[str], list[int]]:
    """(names, types) of all ids, also of those that a model has weights for and a tokenizer no token."""
    vocab: dict[str, int] = tokenizer["model"]["vocab"]
    names = [f"[PAD{number}]" for number in range(size)]
    types = [UNUSED] * size
    unknown = tokenizer["model"].get("unk_token")
    falls_back = bool(tokenizer["model"].get("byte_fallback"))
    for name, number in vocab.items():
        is_byte = falls_back and len(name) == 6 and name.startswith("<0x") and name.endswith(">")
        names[number], types[number] = name, UNKNOWN if name == unknown else BYTE if is_byte else NORMAL
    for token in tokenizer.get("added_tokens", []):
        if token["content"] != unknown and token["id"] < size:
            names[token["id"]], types[token["id"]] = token["content"], CONTROL if token["special"] else OWN
    return names, types


def by_scores(tokenizer: Mapping[str, Any], names: list[str], merges: list[list[str]]) -> dict[str, Any]:
    """llama.cpp joins the two neighbours whose token has the highest score: the earlier a merge, the higher."""
    ranks: dict[str, int] = {}
    for rank, (first, second) in enumerate(merges):
        ranks.setdefault(first + second, rank)
    scores = [-float(ranks.get(name, len(merges))) for name in names]
    parts = str(tokenizer.get("normalizer")) + str(tokenizer.get("pre_tokenizer"))
    begins = "Prepend" in parts or "'prepend_scheme': 'always'" in parts or "'prepend_scheme': 'first'" in parts
    return {
        "add_tokenizer_model": "llama",
        "add_tokenizer_pre": "default",
        "add_token_scores": scores,
        "add_add_space_prefix": begins,
    }


def by_merges(tokenizer: Mapping[str, Any], merges: list[list[str]]) -> dict[str, Any]:
    return {
        "add_tokenizer_model": "gpt2",
        "add_tokenizer_pre": cut_of(tokenizer["pre_tokenizer"]),
        "add_token_merges": [" ".join(pair) for pair in merges],
    }


def cut_of(cutter: Mapping[str, Any]) -> str:
    """llama.cpp's name of how words are cut; `ModelError` for a way that it is not known to have."""
    steps = cutter["pretokenizers"] if cutter.get("type") == "Sequence" else [cutter]
    kinds = [step["type"] for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits") and steps[1].get("use_regex", True):
        return "smollm"
    pattern = str((steps[0].get("pattern") or {}).get("Regex", "")) if kinds == ["Split", "ByteLevel"] else ""
    cut = next((name for start, name in CUTS.items() if pattern.startswith(start)), None)
    if cut is None:
        raise other_kind(" + ".join(kinds))
    return cut
