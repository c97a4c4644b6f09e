"""How good it is already, on test rows that people have labelled; which labels are thin; and whether more labels still change
anything."""

from collections import Counter
from typing import Any

from trainer.intervals import paired_share_interval, wilson_interval
from trainer.labelling.classifier import Fitted, Space, fit
from trainer.labelling.rows import PartlyLabelled

ENOUGH = 20
"""Rows of a label, below which it is thin."""
MOST_THIN = 20
"""Labels that are named."""
LAST = 40
"""Labels without which is fitted once more, to see what they changed."""
LEAST_TESTED, AGREEING, MOST_COMPARED = 20, 0.98, 2_000
"""Test rows, and the share of rows without a label that both models answer alike, from which more labels are said to change
nothing; the latter bounds how much better the later model can be on rows like them (Bloodgood and Vijay-Shanker 2009)."""


def score_of(rows: PartlyLabelled, space: Space, model: Fitted) -> dict[str, Any] | None:
    """{name, value, low, high, rows} with the 95 % interval; None without test rows."""
    tested = rows.tested
    if not len(tested):
        return None
    value = float((model.predict(space.unit[tested]) == rows.codes[tested]).mean())
    low, high = wilson_interval(value, len(tested))
    return {"name": "accuracy", "value": value, "low": low, "high": high, "rows": len(tested)}


def thin_labels(rows: PartlyLabelled) -> list[dict[str, Any]]:
    """[{label, rows, more}] of labels with fewer than ENOUGH rows to learn from, the fewest first."""
    counts = Counter(rows.codes[rows.learned].tolist())
    used = sorted({*counts, *rows.codes[rows.tested].tolist()}, key=lambda code: (counts[code], code))
    thin = [{"label": rows.labels[code], "rows": counts[code], "more": ENOUGH - counts[code]} for code in used]
    return [label for label in thin if label["more"] > 0]


def last_change(rows: PartlyLabelled, space: Space, model: Fitted) -> dict[str, Any] | None:
    """What the last labels changed: {labels, value, low, high, agreement, settled}. `value`: of the accuracy, with its interval over
    the same test rows; `agreement`: the share of rows without a label that are answered as before; `settled`: nothing that can
    be measured. None where there are too few to say."""
    learned = rows.learned
    if len(rows.tested) < LEAST_TESTED or (rows.decided[learned[-LAST:]] < 0).any() or len(learned) <= LAST:
        return None
    before, unit = fit(space, learned[:-LAST], rows.codes, rows.labels), space.unit
    if before is None:
        return None
    truth = rows.codes[rows.tested]
    now, then = (each.predict(unit[rows.tested]) == truth for each in (model, before))
    low, high = paired_share_interval(int((now & ~then).sum()), int((then & ~now).sum()), len(truth))
    others = rows.asked[:: max(1, len(rows.asked) // MOST_COMPARED)]
    agreement = float((model.predict(unit[others]) == before.predict(unit[others])).mean()) if len(others) else 1.0
    settled = low <= 0 and agreement >= AGREEING and len(model.codes) == len(before.codes)
    value = float(now.mean() - then.mean())
    return {"labels": LAST, "value": value, "low": low, "high": high, "agreement": agreement, "settled": bool(settled)}
