"""Titles of tasks and of the roles of their columns, those included that cannot be trained yet."""

import re
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from trainer import tasks

TASKS = {
    "text-classification": gettext_noop("Text classification"),
    "multilabel-classification": gettext_noop("Multi-label text classification"),
    "text-regression": gettext_noop("Text regression"),
    "token-classification": gettext_noop("Named-entity recognition"),
    "question-answering": gettext_noop("Question answering"),
    "summarization": gettext_noop("Summarization"),
    "translation": gettext_noop("Translation"),
    "text-generation": gettext_noop("Text generation"),
    "sentence-similarity": gettext_noop("Sentence similarity"),
    "image-text-classification": gettext_noop("Image and text classification"),
    "image-classification": gettext_noop("Image classification"),
    "image-regression": gettext_noop("Image regression"),
    "object-detection": gettext_noop("Object detection"),
    "audio-classification": gettext_noop("Audio classification"),
    "speech-recognition": gettext_noop("Speech recognition (speech-to-text)"),
    "tabular-classification": gettext_noop("Tabular classification"),
    "tabular-regression": gettext_noop("Tabular regression"),
}
ROLES = {
    "text": gettext_noop("Input text"),
    "label": gettext_noop("Label (target)"),
    "labels": gettext_noop("Labels (target)"),
    "target": gettext_noop("Target"),
    "tokens": gettext_noop("Tokens"),
    "tags": gettext_noop("Tags"),
    "question": gettext_noop("Question"),
    "context": gettext_noop("Context"),
    "answers": gettext_noop("Answers"),
    "document": gettext_noop("Document"),
    "summary": gettext_noop("Summary"),
    "source": gettext_noop("Source text"),
    "prompt": gettext_noop("Instruction"),
    "input": gettext_noop("Additional input"),
    "completion": gettext_noop("Completion"),
    "messages": gettext_noop("Conversation"),
    "first": gettext_noop("First sentence"),
    "second": gettext_noop("Second sentence"),
    "score": gettext_noop("Similarity score"),
    "image": gettext_noop("Picture"),
    "audio": gettext_noop("Sound"),
    "objects": gettext_noop("Objects"),
}

METHODS = {
    "probe": lambda: pgettext("training method", "Instant"),
    "lora": lambda: pgettext("training method", "Light"),
    "full": lambda: pgettext("training method", "Standard"),
    "scratch": lambda: pgettext("training method", "From scratch"),
    "auto": lambda: pgettext("training method", "Best of all models"),
    "boosting": lambda: pgettext("training method", "Gradient-boosted trees"),
    "linear": lambda: pgettext("training method", "Linear model"),
    "net": lambda: pgettext("training method", "Small neural net"),
}
SUMMARIES = {
    "probe": gettext_noop("Freezes the model and trains one layer on top (linear probe). Fast, and often enough."),
    "lora": gettext_noop("Trains small additions to each layer (LoRA). Needs less memory than full fine-tuning."),
    "full": gettext_noop("Trains every weight of the model (full fine-tuning). Slower, usually the best score."),
    "scratch": gettext_noop("Trains a small network without pretrained weights. No download, but it needs more data."),
    "auto": gettext_noop("Tries every kind of model and keeps the best by cross-validation (AutoML)."),
    "boosting": gettext_noop("Many small decision trees (LightGBM). Usually best from a few thousand rows on."),
    "linear": gettext_noop("A weighted sum of the columns. Fast, and easy to explain."),
    "net": gettext_noop("A neural network with learned embeddings for categories."),
}
REFERENCE = re.compile(r"\b(?:bundled|hub|local|scratch):([\w./@-]*\w)")


COLUMN_ROLES = {
    "input": gettext_noop("Input"),
    "answer": gettext_noop("Answer (target)"),
    "ignore": gettext_noop("Ignore"),
    "id": gettext_noop("ID"),
    "group": gettext_noop("Group"),
    "time": gettext_noop("Time"),
}
"""What a column of a table is for (`trainer.roles`)."""


def trainable(slug: str | None) -> bool:
    return slug in {task.slug for task in tasks.all()}


def reads_media(slug: str) -> bool:
    """Whether the task's inputs are pictures or sounds."""
    return trainable(slug) and any(role.kind in ("image", "audio") for role in tasks.get(slug).roles)


def widgets_of(slug: str) -> dict[str, Any]:
    """{widget_in, widget_out, inputs [{name, kind}]} of a task; of text where it is not known here."""
    if not trainable(slug):
        return {"widget_in": "text", "widget_out": "classes", "inputs": [{"name": "text", "kind": "text"}]}
    task = tasks.get(slug)
    inputs = [{"name": role.name, "kind": role.kind} for role in task.roles if role.name != task.answer_role]
    return {"widget_in": task.widget_in, "widget_out": task.widget_out, "inputs": inputs}


def headline_of(slug: str) -> str:
    """The metric that a run of this task is known by."""
    return tasks.get(slug).headline if trainable(slug) else "accuracy"


def input_words(kind: str) -> str:
    """What a field for an input of this kind is called."""
    return {
        "image": _("Picture"),
        "audio": _("Sound"),
    }.get(kind, _("Text"))


def task_title(slug: str) -> str:
    return _(TASKS[slug]) if slug in TASKS else slug


def role_title(role: str) -> str:
    return _(ROLES[role]) if role in ROLES else role


def method_title(task: str, slug: str) -> str:
    """A method's name; of one that is not named here, what its task declares."""
    if slug in METHODS:
        return METHODS[slug]()
    declared = tasks.get(task).methods if trainable(task) else ()
    return next((one.title for one in declared if one.slug == slug), slug)


def method_summary(task: str, slug: str) -> str:
    """What a method does, with its standard term."""
    if slug in SUMMARIES:
        return _(SUMMARIES[slug])
    declared = tasks.get(task).methods if trainable(task) else ()
    return next((one.summary for one in declared if one.slug == slug), "")


def model_title(task: str, ref: str) -> str:
    """A base model's name: as its task declares it, else the last part of its reference."""
    declared = tasks.get(task).models if trainable(task) else ()
    known = next((card.title for card in declared if card.ref == ref), None)
    return known or ref.partition(":")[2].rpartition("/")[2] or ref


def without_references(text: Any) -> str:
    """A message of the trainer as people read it: `bundled:all-MiniLM-L6-v2` becomes all-MiniLM-L6-v2."""
    return REFERENCE.sub(lambda found: found[1], str(text))


def recipe_title(task: str, model: str, method: str) -> str:
    """Model and method in a few words: “all-MiniLM-L6-v2, Standard”; the method alone where it chooses the model."""
    title = method_title(task, method)
    return title if method == "auto" or model == "scratch:auto" else f"{model_title(task, model)}, {title}"


def column_role_title(role: str) -> str:
    return _(COLUMN_ROLES[role]) if role in COLUMN_ROLES else role
