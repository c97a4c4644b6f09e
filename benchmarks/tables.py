"""Tables, default settings, beside plain LightGBM and logistic or ridge regression on the same test rows.

python benchmarks/tables.py
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _sets import data

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SETS = (
    ("titanic", "tabular-classification", "Survived", "accuracy", 0.80),
    ("telco_churn", "tabular-classification", "Churn", "roc_auc", 0.84),
    ("german_credit", "tabular-classification", "class", "roc_auc", 0.77),
    ("california_housing", "tabular-regression", "median_house_value", "r2", 0.84),
)


def plain(rows: Any, metric: str) -> dict[str, float]:
    """LightGBM as it comes, and a linear model, on the same prepared columns."""
    import lightgbm
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

    from trainer import tables

    known, test = rows.known("train", "validation"), rows.part("test")
    scales = tables.scales_of(rows.features(), rows.matrix[known])
    scores = {}
    boosted = lightgbm.LGBMRegressor if metric == "r2" else lightgbm.LGBMClassifier
    linear: Any = Ridge() if metric == "r2" else LogisticRegression(max_iter=2000)
    for name, model, matrix in (
        ("LightGBM", boosted(verbosity=-1, random_state=0), rows.matrix),
        ("linear", linear, tables.expanded(scales, rows.matrix)),
    ):
        model.fit(matrix[known], rows.truth[known])
        predicted = model.predict_proba(matrix[test])[:, 1] if metric == "roc_auc" else model.predict(matrix[test])
        measure = {"accuracy": accuracy_score, "roc_auc": roc_auc_score, "r2": r2_score}[metric]
        scores[name] = float(measure(rows.truth[test], np.asarray(predicted)))
    return scores


def main() -> None:
    from trainer.events import silent
    from trainer.families.table import rows
    from trainer.learning.job import Job
    from trainer.learning.run import run
    from trainer.spec import parse

    folder = data("tabular")
    for name, task, target, metric, wanted in SETS:
        dataset = {"path": str(folder / f"{name}.csv"), "columns": {"target": target}}
        spec = parse({"task": task, "method": "auto", "model": "scratch:auto", "dataset": dataset})
        with tempfile.TemporaryDirectory() as out:
            started = time.monotonic()
            result = run(spec, Path(out) / "run", silent)
            seconds = time.monotonic() - started
            report = json.loads((Path(out) / "run" / "artifact" / "report.json").read_text("utf-8"))
            baselines = plain(rows.prepare(Job(spec, Path(out) / "plain", silent)), metric)
        cells = [
            f"{name}, {metric}",
            f"{result['metrics'][metric]:.3f}",
            report["candidates"][0]["name"],
            f"{baselines['LightGBM']:.3f}",
            f"{baselines['linear']:.3f}",
            f"{wanted:.2f}",
            f"{seconds:.0f} s",
            f"{report['export']['agreement']:.3f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
