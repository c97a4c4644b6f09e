"""The tokens that a model reads and writes: learned from the rows to learn from, or a pretrained model's own."""

from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from trainer.data.conversation_rows import TURNS, WRITTEN
from trainer.data.loading import Loaded
from trainer.errors import ModelError
from trainer.families.text.chat_templates import gaps_of
from trainer.messages import _
from trainer.tasks.text_generation import TokenKind
from trainer.writing.gaps import read_gaps
from trainer.writing.prompts import BEGIN, END, SPECIAL, TOKENIZER, Template

CORPUS_CHARACTERS = 20_000_000
"""Of training rows, that a tokenizer is learned from."""
BYTES = [f"<0x{number:02X}>" for number in range(256)]
"""What a character that is not known is written by."""


def learned_template(loaded: Loaded, vocabulary: int, kind: TokenKind) -> Template:
    """Tokens learned from the training rows, at most so many; any text in any language can be written by them."""
    learn = characters_of if kind == "characters" else pieces_of
    tokenizer = learn(corpus(loaded), vocabulary)
    begin, end = SPECIAL.index(BEGIN), SPECIAL.index(END)  # special tokens are the first of a vocabulary
    return Template(tokenizer, begin, [end])


def pieces_of(texts: list[str], vocabulary: int) -> Tokenizer:
    """Byte-pair encoding (Sennrich et al. 2016) of bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def characters_of(texts: list[str], vocabulary: int) -> Tokenizer:
    """The most frequent characters, and bytes for all others."""
    counts = Counter[str]()
    for text in texts:
        counts.update(text)
    room = max(vocabulary - len(SPECIAL) - len(BYTES), 0)
    names = [*SPECIAL, *BYTES, *(character for character, _count in counts.most_common(room))]
    vocab = {name: number for number, name in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocab, [], byte_fallback=True))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def corpus(loaded: Loaded) -> list[str]:
    """The texts of the training rows, answers and what was asked, up to CORPUS_CHARACTERS."""
    texts, room = [], CORPUS_CHARACTERS
    for row in loaded.part("train").tolist():
        spoken = [*(turn["content"] for turn in loaded.values[TURNS][row]), loaded.values[WRITTEN][row]]
        texts += spoken
        room -= sum(map(len, spoken))
        if room < 0:
            break
    return texts


def template_of(folder: Path) -> Template:
    """That of a pretrained model; `ModelError` where it cannot write or stop."""
    check_tokenizer(folder)
    gaps = read_gaps(folder) or gaps_of(folder)
    template = Template.load(folder, gaps)
    if not template.ends:
        raise ModelError(
            _("The base model has no token that ends a text."), hint=_("Choose another model, or scratch:gpt.")
        )
    return template


def check_tokenizer(folder: Path) -> None:
    """`ModelError` where a model's tokens cannot be read."""
    if not (folder / TOKENIZER).exists():
        raise ModelError(
            _("The base model has no %(tokenizer)s.", tokenizer=TOKENIZER),
            hint=_("Choose a model with a fast tokenizer."),
        )
