"""How a pretrained encoder-decoder wants its texts (`trainer.writing.frames.Frame`): languages, prefix, first tokens."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from trainer.errors import ModelError
from trainer.files import read_json
from trainer.messages import _
from trainer.writing.encoder_decoders import T5S
from trainer.writing.frames import Frame, said_of

if TYPE_CHECKING:
    from trainer.tasks.text_to_text import TextToTextParams

LANGUAGED = ("mbart", "m2m_100")
"""Kinds that are told by tokens which language they read and write."""
SUMMARIZE, TRANSLATE = "summarize: ", "translate %s to %s: "
"""What T5 was pretrained with."""
MOST_NAMED = 12
"""Languages that a sentence lists."""


def frame_of(folder: Path, tokenizer: Tokenizer, task: str, params: "TextToTextParams") -> Frame:
    """That of a model's folder; `ModelError` where it needs languages and was told none, or does not know them."""
    config = read_json(folder / "config.json")
    kind = config["model_type"]
    ends = tokens_of(said_of(folder, "eos_token_id"))
    end, start = ends[:1], tokens_of(said_of(folder, "decoder_start_token_id"))
    prefix = prefix_of(kind, task, params)
    if kind in LANGUAGED:
        source, target = languages_of(tokenizer, params)
        if read_json(folder / "tokenizer_config.json").get("tokenizer_class", "").startswith("MBartTokenizer"):
            return Frame(prefix, (), (*end, source), (target,), ends)
        return Frame(prefix, (source,), end, (*(start or end), target), ends)
    if kind == "bart":
        begin = tokens_of(said_of(folder, "bos_token_id"))
        return Frame(prefix, begin, end, (*(start or end), *begin), ends)
    asked = tokens_of(tokenizer.token_to_id(f">>{params.target_language}<<")) if kind == "marian" else ()
    return Frame(prefix, asked, end, start or tokens_of(said_of(folder, "pad_token_id")), ends)


def tokens_of(setting: Any) -> tuple[int, ...]:  # noqa: ANN401
    """One id, several or none, as settings have them."""
    return tuple(setting) if isinstance(setting, list) else () if setting is None else (int(setting),)


def prefix_of(kind: str, task: str, params: "TextToTextParams") -> str:
    if params.prefix is not None:
        return f"{params.prefix.strip()} " if params.prefix.strip() else ""
    if kind not in T5S:
        return ""
    if task == "summarization":
        return SUMMARIZE
    languages = (params.source_language, params.target_language)
    return TRANSLATE % languages if all(languages) else ""


def languages_of(tokenizer: Tokenizer, params: "TextToTextParams") -> tuple[int, int]:
    """The tokens of what is read and written; who tells but one means it for both."""
    known = known_languages(tokenizer.get_vocab(with_added_tokens=True))
    source = params.source_language or params.target_language
    target = params.target_language or params.source_language
    if not source:
        raise ModelError(
            _("This model has to be told which languages it reads and writes."),
            hint=_("Set params.source_language and params.target_language. It knows %(names)s.", names=listed(known)),
        )
    return language_token(source, known), language_token(target, known)


def known_languages(vocabulary: Mapping[str, int]) -> dict[str, int]:
    """Code → token: `eng_Latn` (NLLB), `en_XX` (mBART), or what stands in `__en__` (M2M100)."""
    return {
        token.strip("_"): number
        for token, number in vocabulary.items()
        if is_language(token) or (token.startswith("__") and token.endswith("__") and len(token) < 9)
    }


def is_language(token: str) -> bool:
    code, _line, more = token.partition("_")
    is_script = (len(code) == 3 and len(more) == 4 and more.istitle()) or (len(code) == 2 and len(more) == 2)
    return code.isascii() and code.islower() and (is_script and (more.isupper() or more.istitle()))


def language_token(code: str, known: Mapping[str, int]) -> int:
    """A language's token by its code, or by what stands before the script or country of but one."""
    near = [name for name in known if name.partition("_")[0] == code]
    name = code if code in known else near[0] if len(near) == 1 else ""
    if not name:
        raise ModelError(
            _("The base model knows no language “%(language)s”.", language=code),
            hint=_("It knows %(names)s.", names=listed(near or known)),
        )
    return known[name]


def listed(names: Any) -> str:  # noqa: ANN401
    """The first of them."""
    some = sorted(names)
    return ", ".join(some[:MOST_NAMED]) + (" …" if len(some) > MOST_NAMED else "")
