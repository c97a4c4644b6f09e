"""How good texts are: the part of a report that they give, without torch."""

from typing import Any

import numpy as np

from trainer import comparison
from trainer.evaluation import WORST, headed
from trainer.transcripts import errors, rates


def report(truth: list[str], said: list[str], shown: list[str], rows: list[int]) -> dict[str, Any]:
    """The part of report.json that the test rows give."""
    found = errors(truth, said)
    shares = found[:, 0] / np.maximum(found[:, 1], 1)
    worst = [row for row in np.argsort(-shares, kind="stable").tolist() if shares[row] > 0][:WORST]
    return {
        **headed("wer", comparison.interval("wer", truth, said)),
        "metrics": rates(found),
        "test_rows": len(truth),
        "test_words": int(found[:, 1].sum()),
        "labels": [],
        "mistakes": [
            {
                "row": rows[row],
                "audio": shown[row],
                "truth": truth[row],
                "predicted": said[row],
                "wer": round(float(shares[row]), 4),
            }
            for row in worst
        ],
    }
