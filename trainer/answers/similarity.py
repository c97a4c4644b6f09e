"""How alike two texts are, or which texts answer a query. Light."""

from trainer.answers.base import Answer, Metric
from trainer.messages import gettext_noop

DRAWS = 1_000

ANSWER = Answer(
    "similarity",
    widget="matches",
    output={
        "matches": "[{text, row, score}] of the texts that fit a query best, the best first",
        "score": "how alike two texts are, on the scale of the rows learned from",
        "embedding": "the vector of a text",
    },
    pick="matches",
    objective="trainer.answers.similarity_scoring.Similarity",
    scoring="trainer.answers.similarity_scoring.SimilarityScoring",
    metrics=(
        Metric(
            "spearman",
            gettext_noop("Spearman correlation"),
            noun=gettext_noop("Spearman correlation"),
            form="score",
            contrasts=True,
            most_draws=DRAWS,
        ),
        Metric(
            "ndcg_10", gettext_noop("nDCG@10, how high the right texts stand"), "nDCG@10", form="score", bounded=True
        ),
        Metric(
            "similarity_pearson",
            gettext_noop("Pearson correlation"),
            noun=gettext_noop("Pearson correlation"),
            form="score",
            contrasts=True,
        ),
        Metric(
            "pair_auc",
            gettext_noop("ROC AUC, alike above not alike"),
            "ROC AUC",
            bounded=True,
            contrasts=True,
            most_draws=DRAWS,
        ),
        Metric("recall_10", gettext_noop("Recall@10, right texts among the first ten"), "recall@10", bounded=True),
        Metric(
            "recall_100", gettext_noop("Recall@100, right texts among the first hundred"), "recall@100", bounded=True
        ),
        Metric(
            "mrr_10",
            gettext_noop("MRR@10, one by the rank of the first right text"),
            "MRR@10",
            form="score",
            bounded=True,
        ),
    ),
    beware="It compares what texts are about, not whether they are true. Texts unlike those that it learned from may be compared badly.",
    cells="pairs",
    columns=frozenset(("number", "boolean", "category")),
    one_output=True,
    expression="logits[0]",
    scored_as="had a score of",
    correction="text",
    other_picks=frozenset(("score", "embedding")),
    mistake=("error", "rank", "answers", "found"),
    first_step=gettext_noop("Shared words, or one score for all pairs"),
    constants={"usual_score": gettext_noop("the mean score")},
)
