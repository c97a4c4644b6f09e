"""Ways to train that several tasks share."""

from trainer.messages import gettext_noop, pgettext
from trainer.tasks.base import Method

BEST = Method(
    "best",
    pgettext("training method", "Best"),
    gettext_noop(
        "Tries the ways to train from the cheapest up, in one run, and stops where more is not shown to be better. Keeps the best."
    ),
)
ZERO_SHOT = Method(
    "zero-shot",
    pgettext("training method", "Without examples"),
    gettext_noop(
        "Answers with the label whose name or description is nearest in meaning to the input. Nothing is learned from the rows."
    ),
)
PROBE = Method(
    "probe",
    pgettext("training method", "Instant"),
    gettext_noop("Freezes the model and trains one layer on top (linear probe). Fast, and often enough."),
)
FEWSHOT = Method(
    "fewshot",
    pgettext("training method", "Few examples"),
    gettext_noop(
        "Tunes the model on pairs of your rows, then trains one layer on top (contrastive learning). For 8 to 100 examples a label."
    ),
)
WORDS = Method(
    "words",
    pgettext("training method", "Word counts"),
    gettext_noop(
        "Counts words, without a pretrained model (TF-IDF with a linear model). Reads any language, in seconds."
    ),
)
EXTRACTIVE = Method(
    "extractive",
    pgettext("training method", "Own sentences"),
    gettext_noop("Chooses the sentences of a text that say most of it. Needs few rows, and invents nothing."),
)
LORA = Method(
    "lora",
    pgettext("training method", "Light"),
    gettext_noop("Trains small additions to each layer (LoRA). Needs less memory than full fine-tuning."),
)
QLORA = Method(
    "qlora",
    pgettext("training method", "Light, 4-bit"),
    gettext_noop("Light (LoRA) over weights of four bits (QLoRA): large models on one NVIDIA GPU, with bitsandbytes."),
)
FULL = Method(
    "full",
    pgettext("training method", "Standard"),
    gettext_noop("Trains every weight of the model (full fine-tuning). Slower, usually the best score."),
)
SCRATCH = Method(
    "scratch",
    pgettext("training method", "From scratch"),
    gettext_noop("Trains a small network without pretrained weights. No download, but it needs more data."),
)
DPO = Method(
    "dpo",
    pgettext("training method", "Preferences"),
    gettext_noop(
        "Learns from pairs of answers which of two is preferred (DPO), on top of a model that writes already."
    ),
)
