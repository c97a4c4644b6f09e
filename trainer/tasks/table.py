"""What the tasks have in common that read the columns of a table."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainer.errors import SpecError
from trainer.json_types import JsonObject
from trainer.messages import _, gettext_noop, pgettext
from trainer.nets import Net, NetParams, describe, layers_of
from trainer.params import Params, Searched, advanced, check_params, expert
from trainer.spec import Spec
from trainer.tasks.base import BaseModelCard, Method, ReadRows, Task

if TYPE_CHECKING:
    import pyarrow as pa

MIB = 2**20
TABLE_NETS = {
    "table-net": Net(
        "table-net",
        "mlp",
        (128, 64),
        (16,),
        gettext_noop("Small net for tables"),
        gettext_noop("Trained from scratch."),
        0.1,
        True,
    )
}
FAMILIES = {"boosting": "scratch:lightgbm", "linear": "scratch:linear", "net": "scratch:table-net"}
FAMILY_TITLES = {"boosting": "LightGBM", "linear": "Linear model", "net": "Small net"}
AUTO = "scratch:auto"
TEXT_MODEL = "bundled:all-MiniLM-L6-v2"
"""The frozen encoder of columns of texts."""
SNIPPET = """
# trainer/tables.py, trainer/engines of Maquette read model/columns.json; no torch is needed.
from pathlib import Path
from trainer.engines import open_engine
engine = open_engine(Path("."))
print(engine.predict([engine.read({})]))  # an object of column: value; a column left out is a missing value
"""


class TableParams(Params):
    search_seconds: float = advanced(
        30,
        gettext_noop("Search time"),
        gettext_noop("In seconds. After that, no other kind of model is tried."),
        ge=1,
        le=36_000,
    )
    text_seconds: float = advanced(
        120,
        gettext_noop("Reading time of texts"),
        gettext_noop(
            "In seconds. Where an encoder would take longer for the texts of all rows, they are read by their words alone. 0: always."
        ),
        ge=0,
        le=36_000,
    )
    cost_false_positive: float = advanced(
        1,
        gettext_noop("Cost of a false positive"),
        gettext_noop("With two labels: the cost of predicting the rarer one wrongly."),
        gt=0,
        le=1e9,
    )
    cost_false_negative: float = advanced(
        1,
        gettext_noop("Cost of a false negative"),
        gettext_noop("With two labels: the cost of missing the rarer one."),
        gt=0,
        le=1e9,
    )
    sizes: str = advanced(
        "",
        gettext_noop("Layer sizes"),
        gettext_noop("For the small net: units of each hidden layer, such as 128-64. Empty: its default."),
        pattern=r"^(\d{1,4}(-\d{1,4}){0,11})?$",
    )
    activation: Literal["relu", "gelu", "tanh", "sigmoid"] = advanced(
        "relu",
        gettext_noop("Activation"),
        gettext_noop("For the small net: the function after each layer."),
        Searched(choices=["relu", "gelu", "tanh"], methods=["net"], usual=True),
    )
    dropout: float | None = advanced(
        None,
        gettext_noop("Dropout"),
        gettext_noop("For the small net: share of values dropped at random during training."),
        Searched(low=0.0, high=0.5, methods=["net"], usual=True),
        ge=0,
        lt=1,
    )
    batch_norm: bool | None = advanced(
        None,
        gettext_noop("Batch normalization"),
        gettext_noop("For the small net: brings each layer’s values to one scale. Empty: its default."),
    )
    epochs: int = advanced(
        40,
        gettext_noop("Epochs"),
        gettext_noop("For the small net: maximum passes over the data."),
        Searched(low=10, high=100, log=True, methods=["net"], usual=True),
        ge=1,
        le=1000,
    )
    learning_rate: float | None = expert(
        None,
        gettext_noop("Learning rate of the trees"),
        gettext_noop(
            "How much each tree adds. Empty: 0.05. A setting of the trees that is given replaces their usual sizes."
        ),
        Searched(low=0.01, high=0.3, log=True, methods=["boosting"], usual=True),
        gt=0,
        le=1,
    )
    num_leaves: int | None = expert(
        None,
        gettext_noop("Leaves of a tree"),
        gettext_noop("More leaves learn finer rules, and more noise. Empty: several sizes are tried."),
        Searched(low=4, high=128, log=True, methods=["boosting"], usual=True),
        ge=2,
        le=4096,
    )
    min_data_in_leaf: int | None = expert(
        None,
        gettext_noop("Rows of a leaf, at least"),
        gettext_noop("Of a tree: more rows make coarser, safer rules. Empty: 20."),
        Searched(low=5, high=100, log=True, methods=["boosting"], usual=True),
        ge=1,
        le=100_000,
    )
    lambda_l2: float | None = expert(
        None,
        gettext_noop("L2 penalty of the trees"),
        gettext_noop("Pulls what a leaf adds towards zero. Empty: 1."),
        Searched(low=0.01, high=30.0, log=True, methods=["boosting"], usual=True),
        ge=0,
        le=1e6,
    )
    strength: float | None = expert(
        None,
        gettext_noop("Strength of the linear model"),
        gettext_noop("The inverse of its L2 penalty: lower is simpler. Empty: several are tried."),
        Searched(low=1e-3, high=100.0, log=True, methods=["linear"], usual=True),
        gt=0,
        le=1e6,
    )


TREE_SETTINGS = ("learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2")


def given_settings(params: TableParams) -> dict[str, dict[str, float]]:
    """{family: its settings that are given by hand}, as its library calls them."""
    given = {
        "boosting": {name: getattr(params, name) for name in TREE_SETTINGS},
        "linear": {"strength": params.strength},
    }
    return {
        family: {name: value for name, value in each.items() if value is not None} for family, each in given.items()
    }


def net_params(params: TableParams) -> NetParams:
    names = ("sizes", "activation", "dropout", "batch_norm")
    return NetParams(**{name: getattr(params, name) for name in names})


def net_layers(params: TableParams) -> list[dict[str, Any]]:
    return layers_of(TABLE_NETS["table-net"], net_params(params))


def families_of(method: str, model: str) -> tuple[str, ...]:
    """Kinds of models that a run tries. The method decides; under `auto` the model may name one kind."""
    known = {AUTO, *FAMILIES.values()}
    if model not in known:
        raise SpecError(
            _("There is no model “%(model)s” for tables.", model=model),
            code="bad_model",
            hint=_("Choose one of: %(names)s.", names=", ".join(sorted(known))),
        )
    if method != "auto":
        return (method,)
    named = tuple(family for family, ref in FAMILIES.items() if ref == model)
    return named or ("linear", "boosting", "net")


class TableTask(Task):
    modality = "table"
    widget_in = "table"
    family = "trainer.families.table.family.TableFamily"
    engine = "trainer.engines.table.TableEngine"
    answer_role = "target"
    params: ClassVar[type[TableParams]] = TableParams
    methods = (
        Method(
            "auto",
            pgettext("training method", "Best of all models"),
            gettext_noop("Tries every kind of model and keeps the best by cross-validation (AutoML)."),
        ),
        Method(
            "boosting",
            pgettext("training method", "Gradient-boosted trees"),
            gettext_noop("Many small decision trees (LightGBM). Usually best from a few thousand rows on."),
        ),
        Method(
            "linear",
            pgettext("training method", "Linear model"),
            gettext_noop("A weighted sum of the columns. Fast, and easy to explain."),
        ),
        Method(
            "net",
            pgettext("training method", "Small neural net"),
            gettext_noop("A neural network with learned embeddings for categories."),
        ),
    )
    models = (
        BaseModelCard(
            AUTO, gettext_noop("Chosen by cross-validation"), gettext_noop("Every kind below is tried."), 0, "MIT", "any", 300 * MIB
        ),
        BaseModelCard("scratch:lightgbm", "LightGBM", gettext_noop("Boosted decision trees."), 0, "MIT", "any", 300 * MIB),
        BaseModelCard("scratch:linear", "Linear model", gettext_noop("Logistic or ridge regression."), 0, "BSD", "any", 200 * MIB),
        BaseModelCard(
            "scratch:table-net", gettext_noop("Small net for tables"), gettext_noop("Embeddings for categories."), 20_000, "own", "any", 500 * MIB
        ),
    )  # fmt: skip

    @classmethod
    def refusal(cls, method: str, model: str) -> str:
        """The method says what is trained; a model of another kind beside it would be passed over in silence."""
        named = next((family for family, ref in FAMILIES.items() if ref == model), method)
        titles = {method_card.slug: method_card.title for method_card in cls.methods}
        return "" if method in ("auto", named) else f"“{titles[method]}” does not train a “{titles[named]}”."

    @classmethod
    def default_method(cls, model: str) -> str:
        """The kind that the model names, else all of them."""
        return next((family for family, ref in FAMILIES.items() if ref == model), "auto")

    @classmethod
    def default_model(cls, method: str) -> str:
        return FAMILIES.get(method, AUTO)

    @classmethod
    def check_input(cls, value: object) -> str | None:
        if not isinstance(value, dict):
            return _("must be an object of columns and values.")
        nested = next((name for name, cell in value.items() if isinstance(cell, dict | list)), None)
        return (
            None
            if nested is None
            else _("has a list or object in the column “%(nested)s”, where one value belongs.", nested=nested)
        )

    @classmethod
    def describe(cls, spec: Spec) -> dict[str, Any]:
        params = check_params(cls.params, spec.params)
        return describe("scratch:table-net", net_params(params), None, 1, TABLE_NETS)

    @classmethod
    def read_line(cls, line: str) -> object:
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            return line

    @classmethod
    def inputs_of(cls, rows: ReadRows) -> list[Any]:
        answer = rows.columns[cls.answer_role]
        inputs: list[JsonObject] = rows.table.drop_columns([answer]).to_pylist()
        return inputs

    @classmethod
    def shown_of(cls, rows: ReadRows) -> list[str]:
        return [json.dumps(row, ensure_ascii=False) for row in cls.inputs_of(rows)]

    @classmethod
    def saved_inputs(cls, artifact: Path, table: "pa.Table") -> list[Any]:
        return [json.loads(row) for row in table.column("input").to_pylist()]

    @classmethod
    def snippet(cls) -> str:
        return SNIPPET
