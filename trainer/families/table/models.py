"""Kinds of models for tables: how each is fitted, asked and written, and which settings of it are tried."""

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trainer import answers, gbm, tables

MOST_ROUNDS, EARLY = 2_000, 50
APART = 7
LARGE = 5_000
"""Rows from which wider trees are tried."""
TREES = {
    "small trees": {"learning_rate": 0.05, "num_leaves": 8, "min_data_in_leaf": 10, "lambda_l2": 1.0},
    "medium trees": {"learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 20, "lambda_l2": 1.0},
    "large trees": {"learning_rate": 0.05, "num_leaves": 96, "min_data_in_leaf": 20, "lambda_l2": 2.0},
}

Settings = dict[str, Any]
"""Of one kind of model, as its library calls them."""
Data = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(matrix, truth, weights)."""
Held = tuple[np.ndarray, np.ndarray]
"""(matrix, truth) of rows that are not learned from."""
Tell = Callable[[], None]
"""Called after every round: it may raise, to end the learning."""


class Candidate(NamedTuple):
    family: str
    name: str
    settings: Settings


def candidates(families: tuple[str, ...], rows: int, settings: Mapping[str, Settings] | None = None) -> list[Candidate]:
    """In the order in which they are tried. Of a family with `settings` by hand, that is the only one."""
    listed: list[Candidate] = []
    linear, trees = ((settings or {}).get(family) for family in ("linear", "boosting"))
    if "linear" in families and linear:
        listed.append(Candidate("linear", "linear, given strength", linear))
    elif "linear" in families:
        listed += [Candidate("linear", f"linear, strength {c:g}", {"strength": c}) for c in (0.03, 0.3, 3.0)]
    if "boosting" in families and trees:
        listed.append(Candidate("boosting", "given trees", TREES["medium trees"] | trees))
    elif "boosting" in families:
        names = ("small trees", "medium trees") if rows < LARGE else ("medium trees", "large trees", "small trees")
        listed += [Candidate("boosting", name, TREES[name]) for name in names]
    if "net" in families:
        listed.append(Candidate("net", "small net", {}))
    return listed


def set_apart(truth: np.ndarray, labelled: bool, seed: int) -> np.ndarray:
    """(rows,) whether a row is one of every APART that say when to stop; of each label alike."""
    order = np.random.default_rng(seed).permutation(len(truth))
    if labelled:
        order = order[np.argsort(truth[order], kind="stable")]
    is_apart = np.zeros(len(truth), dtype=bool)
    is_apart[order[APART // 2 :: APART]] = True
    return is_apart


class Model:
    """One fitted model. `facts` is what model/columns.json says; `rounds`: trees or epochs after which it was best."""

    def __init__(self, facts: dict[str, Any], threads: int, seed: int) -> None:
        self.facts, self.seed, self.threads = facts, seed, threads
        self.labels = len(facts["labels"])
        self.labelled = answers.of_file(facts).labelled
        self.rounds = 0

    def fit(
        self,
        settings: Settings,
        data: Data,
        tell: Tell,
        held: Held | None = None,
        rounds: int = 0,
    ) -> "Model":
        """Learn from (matrix, truth, weights). `held` (matrix, truth) may end the learning; without it, so many `rounds`."""
        raise NotImplementedError

    def raw(self, matrix: np.ndarray, rounds: int = 0) -> np.ndarray:
        """(rows, outputs) before calibration; of trees after so many `rounds`, else after those that were best."""
        raise NotImplementedError

    def write(self, folder: Path) -> None:
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "columns.json").write_text(json.dumps(self.facts, ensure_ascii=False, indent=1), "utf-8")
        self.write(folder)


class Linear(Model):
    """Logistic or ridge regression over scaled numbers and one column a level."""

    def fit(self, settings: Settings, data: Data, tell: Tell, held: Held | None = None, rounds: int = 0) -> "Linear":
        from sklearn.linear_model import LogisticRegression, Ridge

        matrix, truth, weights = data
        features = tables.expanded(self.facts["scales"], matrix)
        tell()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not wholly converged is good enough
            if self.labelled:
                regression = LogisticRegression(C=settings["strength"], max_iter=300).fit(features, truth, weights)
            else:
                regression = Ridge(alpha=1 / settings["strength"]).fit(features, truth, weights)
        self.weights = regression.coef_.reshape(-1, features.shape[1]).T
        self.bias = np.atleast_1d(regression.intercept_)
        return self

    def raw(self, matrix: np.ndarray, rounds: int = 0) -> np.ndarray:
        return tables.expanded(self.facts["scales"], matrix) @ self.weights + self.bias

    def write(self, folder: Path) -> None:
        sums = {"weights": self.weights.tolist(), "bias": self.bias.tolist()}
        (folder / "linear.json").write_text(json.dumps(sums), "utf-8")


class Boosting(Model):
    """LightGBM, the same on every run of one seed and number of threads."""

    def fit(self, settings: Settings, data: Data, tell: Tell, held: Held | None = None, rounds: int = 0) -> "Boosting":
        lightgbm = gbm.lightgbm()

        matrix, truth, weights = data
        self.threads = self.threads if len(matrix) >= LARGE else 1
        params = self.params(settings)
        train = lightgbm.Dataset(matrix, truth, weight=weights, params=params, **self.columns())
        calls: list[Any] = [lambda _env: tell()]
        valid = []
        if held is not None:
            valid = [lightgbm.Dataset(held[0], held[1], reference=train, params=params)]
            calls.append(lightgbm.early_stopping(EARLY, verbose=False))
        self.booster = lightgbm.train(params, train, rounds or MOST_ROUNDS, valid_sets=valid, callbacks=calls)
        self.rounds = self.booster.best_iteration if held is not None else rounds
        return self

    def columns(self) -> dict[str, Any]:
        features = self.facts["features"]
        return {
            "feature_name": [f"f{index}" for index in range(len(features))],
            "categorical_feature": [index for index, feature in enumerate(features) if feature["kind"] == "category"],
        }

    def params(self, settings: dict[str, Any]) -> dict[str, Any]:
        kind: dict[str, Any] = {"objective": "regression"}
        if self.labelled:
            kind = (
                {"objective": "binary"} if self.labels == 2 else {"objective": "multiclass", "num_class": self.labels}
            )
        return {
            **kind, **settings, "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1, "cat_smooth": 20,
            "min_data_per_group": 20, "seed": self.seed, "deterministic": True, "force_row_wise": True,
            "num_threads": self.threads, "verbosity": -1,
        }  # fmt: skip

    def raw(self, matrix: np.ndarray, rounds: int = 0) -> np.ndarray:
        margins = self.booster.predict(
            matrix,
            raw_score=True,
            num_threads=self.threads,
            num_iteration=rounds or self.booster.best_iteration or None,
        )
        return np.asarray(margins).reshape(len(matrix), -1)

    def gains(self) -> np.ndarray:
        return self.booster.feature_importance("gain")

    def write(self, folder: Path) -> None:
        self.booster.save_model(str(folder / "model.txt"), num_iteration=self.booster.best_iteration or None)


class Net(Model):
    def fit(self, settings: Settings, data: Data, tell: Tell, held: Held | None = None, rounds: int = 0) -> "Net":
        """The rows `held` are those that it will be judged by, so they are not looked at: rows of `data` set apart say after
        how many epochs it is best, then all of `data` are learned from for so many."""
        from trainer.families.table import net

        if not rounds:
            apart = set_apart(data[1], self.labelled, self.seed)
            matrix, truth, weights = data
            learn: Data = (matrix[~apart], truth[~apart], weights[~apart])
            judge = (matrix[apart], truth[apart])
            _net, rounds = net.fit(self.facts, *learn, self.facts["epochs"], self.seed, tell, judge)
        self.net, self.rounds = net.fit(self.facts, *data, rounds, self.seed, tell)
        return self

    def raw(self, matrix: np.ndarray, rounds: int = 0) -> np.ndarray:
        from trainer.families.table import net

        return net.raw(self.net, self.facts, matrix)

    def write(self, folder: Path) -> None:
        from trainer.families.table import net

        net.save(self.net, folder)


KINDS: dict[str, type[Model]] = {"linear": Linear, "boosting": Boosting, "net": Net}
