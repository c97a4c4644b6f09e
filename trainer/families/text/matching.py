"""Comparing texts and searching among them: how such rows are prepared, learned and packaged."""

import copy
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from trainer.families.text import encoder, reranker
from trainer.families.text.languages import find_unread
from trainer.families.text.matcher import Matcher, VectorGraph
from trainer.families.text.pair_rows import Pairs
from trainer.families.text.reranker import RelevanceGraph, Reranker
from trainer.families.text.searches import Searches
from trainer.families.text.vocabulary import tell_unknown
from trainer.learning import fine_tuning, lora
from trainer.learning.baselines import Baseline
from trainer.learning.family import Way
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Fit, Held, Learned, Objective
from trainer.learning.passes import read_part
from trainer.learning.rows import Rows, truth_of
from trainer.learning.supervised import SupervisedFamily
from trainer.messages import _
from trainer.packaging.graphs import write_transformer
from trainer.similarity import forms
from trainer.similarity.forms import BINARY, SEARCHED
from trainer.similarity.reranking import FOLDER, GRAPH

LEAST_CALIBRATED, MOST_CALIBRATED = 30, 2_000
"""Rows by which cosines are brought to the scale."""
MOST_REREAD = 200
"""Queries by which a packaged model is compared that reads 50 texts for each."""
MOST_JUDGED = 500
"""Rows that say how good the model is as it is."""
MOST_UNTRAINED = 20_000
"""Texts that the pretrained model reads to say what it can do without training."""
CUT_SHARE = 0.05


def rows_of(job: Job) -> Pairs:
    """The rows in the form that their columns and scores say."""
    loaded = job.load_rows()
    form = forms.form_of(
        loaded.columns,
        np.array(loaded.values.get("score", []), dtype=np.float64),
        has_documents=bool(loaded.documents),
    )
    _labels, truth = truth_of(job.task, loaded)
    folder = job.model_folder(job.spec.model)
    tokenizer = encoder.load_tokenizer(folder)
    made = Searches if form in SEARCHED else Pairs
    rows = made(loaded, form, truth, tokenizer, folder, encoder.longest(folder, job.params.max_length))
    rows.reads_jointly = job.spec.method == "reranker"
    rows.most_compared = MOST_REREAD if rows.reads_jointly and form in SEARCHED else None
    return rows


class MatchingFamily(SupervisedFamily[Pairs, Matcher]):
    def prepare(self, job: Job) -> Pairs:
        rows = rows_of(job)
        job.tell_rows(rows, f"{len(rows.searched):,} texts to search, {rows.tokens.lengths.mean():.0f} tokens a text")
        cut = int((rows.tokens.lengths >= rows.max_length).sum())
        if cut > CUT_SHARE * len(rows.tokens):
            message = _(
                "%(cut)s texts are longer than %(max_length)s tokens and are cut.",
                cut=f"{cut:,}",
                max_length=rows.max_length,
            )
            job.warn("cut_texts", message, _("Raise params.max_length to read more."))
        if unread := find_unread(job.task, job.spec.model, rows.firsts):
            job.warn("unread_language", unread.message, unread.hint)
        else:
            tell_unknown(job, rows.tokenizer, rows.firsts)
        return rows

    def baselines(self, job: Job, rows: Pairs) -> dict[str, Baseline]:
        simple = rows.simple_baselines()
        if job.spec.method == "zero-shot" or (rows.form in SEARCHED and len(rows.tokens) > MOST_UNTRAINED):
            return simple
        started, plain = time.monotonic(), rows.apart()
        model = job.device.place(self.build(job, plain))
        if rows.form in SEARCHED:
            plain.ready(model, job)
        outputs = read_part(model, plain, rows.part("test"), job.device)
        return simple | {"untrained": Baseline(outputs, seconds=round(time.monotonic() - started, 2))}

    def fit(self, slug: str) -> Fit:
        ways: dict[str, Fit] = {"zero-shot": leave_as_it_is, "full": fine_tuning.fit, "lora": lora.fit}
        if slug == "reranker":
            return reranker.fit
        return partial(finished, ways[slug]) if slug in ways else super().fit(slug)

    def way(self, slug: str, job: Job, rows: Pairs) -> Way:
        """Each step of a ladder with texts to search of its own."""
        return Way(self, copy.copy(rows), self.fit(slug))

    def simplest(self, rows: Pairs) -> Way:
        return Way(self, copy.copy(rows), one_score)

    def names_labels(self, job: Job, rows: Pairs) -> bool:
        """What is compared are the texts themselves."""
        return True

    def nothing_learned(self) -> str:
        return _(
            "No step is shown to be better than the baseline, shared words or one score for all pairs: nothing in these rows says which texts belong together, or they are too few to tell."
        )

    def build(self, job: Job, rows: Pairs) -> Matcher:
        first = encoder.load_encoder(rows.folder)
        if not rows.reads_jointly:
            return Matcher(first, rows.form)
        return Reranker(first, encoder.load_encoder(rows.folder), rows.form, rows.scale)

    def save(self, model: Matcher, rows: Pairs, folder: Path) -> None:
        model.save(folder, rows.tokenizer, {"max_length": rows.max_length, "scale": list(rows.scale)})
        corpus = rows.corpus
        assert corpus is not None, "a model that has learned has read the texts to search"
        corpus.save(folder)

    def report(self, job: Job, model: Matcher, rows: Pairs) -> dict[str, Any]:
        return {"searched": len(rows.searched)}

    def write_onnx(self, folder: Path, target: Path) -> None:
        joint = (folder / FOLDER).is_dir()
        model: Matcher = (Reranker if joint else Matcher).load(folder, attention="eager")
        ids = torch.arange(18).view(2, 9)  # small, as a vocabulary may be
        axes = {0: "batch", 1: "length"}
        named = {"input_ids": axes, "attention_mask": axes}
        write_transformer(VectorGraph(model).eval(), model.encoder.config, (ids, torch.ones_like(ids)), named, target)
        if isinstance(model, Reranker):
            arguments = [ids, torch.ones_like(ids)]
            if model.reads_types:
                named, arguments = named | {"token_type_ids": axes}, [*arguments, (ids > 4).long()]
            graph = RelevanceGraph(model).eval()
            write_transformer(graph, model.joint.config, tuple(arguments), named, target.with_name(GRAPH))


def leave_as_it_is(
    job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None
) -> Learned:
    """Nothing is learned but the scale."""
    known = rows.known("train", "validation")
    judged = np.sort(np.random.default_rng(job.spec.seed).permutation(known)[:MOST_JUDGED])
    return Learned(len(known), source="out-of-fold", held=Held(judged, judged[:, None]))


def one_score(
    job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None
) -> Learned:
    """The first step of a ladder: the mean score for all pairs; of a search, the words alone (BM25)."""
    matcher, pairs = cast("Matcher", model), cast("Pairs", rows)
    known = pairs.known("train", "validation")
    corpus = pairs.build_corpus(matcher, job.device)
    if pairs.form in SEARCHED:
        corpus.share = 0.0
        outputs = pairs.by_words(known)
    else:
        mean = float(pairs.truth[known].mean())
        score = float(np.clip(mean, 1e-3, 1 - 1e-3))
        matcher.head.calibrate(0.0, float(np.log(score / (1 - score))) if pairs.form == BINARY else mean)
        outputs = np.full((len(known), 1), mean)
    held = Held(known, outputs)
    return Learned(len(known), source="out-of-fold", validated=report_figure(job, objective, held), held=held)


def report_figure(job: Job, objective: Objective[Any], held: Held) -> float:
    """The first figure of rows that were not learned from."""
    name, key = objective.epoch_metrics[0]
    figure = objective.figures(*held)[key]
    job.metric(name, "validation", figure, step=1, epoch=None, rows=len(held.rows))
    return figure


def finished(
    fit: Callable[..., Learned],
    job: Job,
    model: Matcher,
    rows: Pairs,
    objective: Objective[Any],
    epochs: int | None = None,
) -> Learned:
    """Learn, then bring cosines to the scale of the scores and read the texts to search."""
    rows.corpus = None
    learned = fit(job, model, rows, objective, epochs)
    calibrate(job, model, rows)
    rows.ready(model, job)
    if learned.held is None:
        return learned
    held = Held(learned.held.rows, rows.held_out(model, learned.held.rows, job.device))
    validated = report_figure(job, objective, held) if learned.validated is None else learned.validated
    return learned._replace(held=held, validated=validated)


def calibrate(job: Job, model: Matcher, rows: Pairs) -> None:
    """By the validation rows, which the model did not learn from; by those learned from where they are too few."""
    if rows.form in SEARCHED:
        return
    known = rows.known("validation")
    if len(known) < LEAST_CALIBRATED:
        known = rows.known("train", "validation")
    known = np.random.default_rng(job.spec.seed).permutation(known)[:MOST_CALIBRATED]
    model.head.calibrate(1.0, 0.0)
    was, model.head.is_probability = model.head.is_probability, False
    cosines = np.asarray(read_part(model, rows, known, job.device), dtype=np.float64)[:, 0]
    model.head.is_probability = was
    truth = rows.truth[known]
    slope, shift = logistic(cosines, truth) if rows.form == BINARY else line(cosines, truth, rows)
    model.head.calibrate(slope, shift)


def line(cosines: np.ndarray, truth: np.ndarray, rows: Pairs) -> tuple[float, float]:
    """Least squares; the whole scale where cosines do not rise with the scores."""
    spread = float(((cosines - cosines.mean()) ** 2).sum())
    slope = float(((cosines - cosines.mean()) * (truth - truth.mean())).sum()) / spread if spread > 1e-9 else 0.0
    if slope <= 0:
        return rows.scale.high - rows.scale.low, rows.scale.low
    return slope, float(truth.mean() - slope * cosines.mean())


def logistic(cosines: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(truth)) < 2:
        return 10.0, -5.0
    fitted = LogisticRegression(C=100.0).fit(cosines[:, None], truth)
    slope = float(fitted.coef_[0, 0])
    return (slope, float(fitted.intercept_[0])) if slope > 0 else (10.0, -5.0)
