"""All checks of the rows for their task, the worst problem first."""

from typing import Any

import numpy as np
import pyarrow.compute as pc

from trainer.data.answer_checks import class_problems, label_problems, number_problems, part_problems, thin_problems
from trainer.data.column_checks import column_problems, spelling_problems
from trainer.data.problems import ORDER, problem, samples
from trainer.data.row_checks import copy_problems, missing_problems
from trainer.messages import _, ngettext

LONG_TEXT = 4_000
NOUNS = {"image": _("image"), "audio": _("recording"), "text": _("text"), "row": _("row")}


def find_problems(content: Any) -> list[dict[str, Any]]:
    """Every fault of the rows for their task, the worst first; `content`: see `trainer.data.dataset.Dataset`."""
    table, keys, split, given_split = content.table, content.keys, content.split, content.given_split
    first = content.inputs[0] if content.inputs else content.names[0]
    texts = table.column(first)
    kind = content.kinds.get(first) or ("text" if content.shape.reads else "row")
    noun = NOUNS.get(kind, NOUNS["text"])
    found = missing_problems(table, texts, keys, noun, content.labelled)
    found += class_problems(keys) if content.labelled else number_problems(content)
    if not any(one["severity"] == "error" for one in found):
        found += (label_problems(keys) if content.labelled else thin_problems(int(keys.usable.sum()))) + part_problems(
            keys, split, given_split, content.labelled, folds=content.folds is not None
        )
    found += copy_problems(texts, keys, split, given_split, noun, content.labelled, kept_split=content.kept_split)
    if kind == "text":
        long = np.flatnonzero(keys.usable & (pc.fill_null(pc.utf8_length(texts), 0).to_numpy() > LONG_TEXT))
        if len(long) and content.labelled:
            message = ngettext(
                "%(count)s text is longer than %(limit)s characters; the model reads only its beginning.",
                "%(count)s texts are longer than %(limit)s characters; the model reads only their beginning.",
                len(long),
                limit=f"{LONG_TEXT:,}",
            )
            found.append(problem("very_long_texts", "info", message, long, samples(long, texts)))
    found += spelling_problems(content) + column_problems(content)
    return sorted(found, key=lambda one: ORDER[one["severity"]])
