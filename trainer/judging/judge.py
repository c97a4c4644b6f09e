"""The commands `judge` and `judge-sample`.

A judge may be wrong in its own ways (Zheng et al. 2023): it prefers what stands first, so each pair is asked in both orders and
counts only where both say the same; and it is not used where its agreement with people is not shown to be better than chance.
Nothing is sent before the price is told, and nothing beyond the cap.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainer.errors import DataError
from trainer.events import Emit
from trainer.judging.asking import Judge
from trainer.judging.journal import Journal
from trainer.judging.questions import Pair, Prices, Thumb, check_thumbs, foreseen, questions_of, thumb, too_dear
from trainer.messages import _
from trainer.shares import wilson_interval

RESAMPLES = 2_000
NOTHING = {"value": 0.0, "low": 0.0, "high": 0.0}


def judge_sample(request: Mapping[str, Any], journal: Path, emit: Emit) -> dict[str, Any]:
    """As `judge`, of a file {url, model, key, allowed, prices {read, written, cap}, of, thumbs [[prompt, answer, is up]], pairs
    [[prompt, base, predicted]]}. `journal` has what was asked before; `of` is the name of this grading in it."""
    model = Judge(
        request["url"],
        request["model"],
        Prices(**request["prices"]),
        request["key"],
        request["allowed"],
        Journal(journal, request["of"]),
    )
    thumbs, pairs = [Thumb(*each) for each in request["thumbs"]], [Pair(*each) for each in request["pairs"]]
    return judge(thumbs, pairs, model, is_agreed=True, emit=emit)


def read_thumbs(path: Path) -> list[Thumb]:
    """Of a file with a JSON object a line: prompt, answer and thumb (up or down), or the site's own `input`, `output`, `verdict`."""
    try:
        rows = [json.loads(line) for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
        thumbs = [thumb_of(row) for row in rows]
    except (OSError, ValueError, RecursionError, TypeError, AttributeError) as error:
        raise DataError(
            _("The thumbs in %(path)s cannot be read: %(error)s.", path=path.name, error=str(error)[:200]),
            code="bad_thumbs",
            hint=_("Send a JSON object a line: prompt, answer and thumb, which is up or down."),
        ) from error
    known = [thumb for thumb in thumbs if thumb]
    ups = sum(thumb.is_up for thumb in known)
    check_thumbs(ups, len(known) - ups)
    return known


def thumb_of(row: dict[str, Any]) -> Thumb | None:
    """None of a row without a verdict."""
    output = row.get("answer", row.get("output"))
    if isinstance(output, dict):
        output = output.get("completion", output.get("generated_text"))
    asked = row.get("prompt", row.get("input"))
    verdict = row.get("thumb", row.get("verdict"))
    if verdict not in ("up", "down") or not isinstance(output, str):
        return None
    prompt = asked if isinstance(asked, str) else json.dumps(asked, ensure_ascii=False)
    return thumb(prompt, output, verdict == "up")


def judge(
    thumbs: Sequence[Thumb], pairs: Sequence[Pair], asked_judge: Judge, *, is_agreed: bool, emit: Emit
) -> dict[str, Any]:
    """{foreseen, cap, agreement, trusted, pairs, spent, unanswered}: `foreseen` is what is still to be paid at most, `unanswered`
    counts replies and pairs that were lost. Unless it `is_agreed`, nothing is sent."""
    every = questions_of(thumbs, pairs)
    price = foreseen(asked_judge.unasked(every), asked_judge.prices)
    result = {
        "foreseen": price,
        "cap": asked_judge.prices.cap,
        "agreement": None,
        "trusted": None,
        "pairs": None,
        "unanswered": 0,
    }
    if asked_judge.spent + price > asked_judge.prices.cap:
        raise too_dear(asked_judge.spent + price, asked_judge.prices.cap)
    emit(
        "log",
        message=_(
            "Grading costs at most %(price)s; the cap is %(cap)s.", price=f"{price:.4f}", cap=asked_judge.prices.cap
        ),
    )
    if not is_agreed:
        return result | {"spent": 0.0}
    replies = ask_each(every, 0, [each.question for each in thumbs], asked_judge, emit)
    measured = agreement(
        [each.is_up for each, reply in zip(thumbs, replies, strict=True) if reply is not None],
        [reply == "good" for reply in replies if reply is not None],
    )
    trusted = measured["kappa"]["low"] > 0
    graded = grade(every, thumbs, pairs, asked_judge, emit) if trusted and pairs else None
    return result | {
        "agreement": measured,
        "trusted": trusted,
        "pairs": graded,
        "spent": round(asked_judge.spent, 6),
        "unanswered": replies.count(None) + (graded["unanswered"] if graded else 0),
    }


def ask_each(every: Sequence[str], before: int, questions: Sequence[str], asked: Judge, emit: Emit) -> list[str | None]:
    """The replies, one after the other; `before` of `every` were asked already."""
    replies = []
    for place, question in enumerate(questions, start=before + 1):
        replies.append(asked.ask(question))
        emit("progress", done=place, total=len(every), unit="questions", spent=asked.spent)
    return replies


def grade(
    every: Sequence[str], thumbs: Sequence[Thumb], pairs: Sequence[Pair], asked: Judge, emit: Emit
) -> dict[str, Any]:
    """{rows, won, lost, tied, unanswered, share {value, low, high}}: of pairs that one side wins in both orders, the share of
    this model; `unanswered` are pairs without a reply, which are not among the rows."""
    questions = [question for pair in pairs for question in pair.questions]
    replies = ask_each(every, len(thumbs), questions, asked, emit)
    both = [tuple(replies[place : place + 2]) for place in range(0, len(replies), 2)]
    whole = [pair for pair in both if None not in pair]
    won, lost = whole.count(("second", "first")), whole.count(("first", "second"))
    decided = won + lost
    share = won / decided if decided else 0.5
    low, high = wilson_interval(share, decided) if decided else (0.0, 1.0)
    return {
        "rows": len(whole),
        "won": won,
        "lost": lost,
        "tied": len(whole) - decided,
        "unanswered": len(both) - len(whole),
        "share": {"value": share, "low": low, "high": high},
    }


def agreement(people: Sequence[bool], judged: Sequence[bool]) -> dict[str, Any]:
    """{rows, share {value, low, high}, kappa {value, low, high}}: Cohen's (1960), with the percentiles of a bootstrap over thumbs."""
    first, second = np.array(people, dtype=bool), np.array(judged, dtype=bool)
    if not len(first):
        return {"rows": 0, "share": dict(NOTHING), "kappa": dict(NOTHING)}
    share = float((first == second).mean())
    low, high = wilson_interval(share, len(first))
    drawn = np.random.default_rng(0).integers(0, len(first), (RESAMPLES, len(first)))
    kappas = [kappa(first[rows], second[rows]) for rows in drawn]
    ends = np.percentile(kappas, [2.5, 97.5])
    return {
        "rows": len(first),
        "share": {"value": share, "low": low, "high": high},
        "kappa": {"value": kappa(first, second), "low": float(ends[0]), "high": float(ends[1])},
    }


def kappa(first: np.ndarray, second: np.ndarray) -> float:
    """By how much two agree beyond chance, 1 at best; 0 where chance alone would have them agree always."""
    by_chance = first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean())
    return 0.0 if by_chance >= 1 else float(((first == second).mean() - by_chance) / (1 - by_chance))
