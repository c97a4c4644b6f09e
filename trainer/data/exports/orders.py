"""Orders of shops with a row an item: Shopify leaves the fields of the order blank from its second item on."""

from collections.abc import Iterator

from trainer.data.exports.known import fold_name
from trainer.data.readings import Choice, Choices, Reading
from trainer.data.tables.table import Columns, Table
from trainer.messages import _

COLUMNS = frozenset({"name", "financial_status", "lineitem_name", "lineitem_quantity"})
FILL, KEEP = "fill", "keep"


def fill_orders(table: Table, choices: Choices) -> None:
    """The fields of an order in each row of it, and its rows on one side of the split; another table stays as it is."""
    names = {fold_name(name): name for name in reversed(table.columns)}
    if not set(names) >= COLUMNS:
        return
    asked = choices.pick("orders", (FILL, KEEP), table.name)
    chosen = asked or FILL
    labels = {FILL: _("Repeat the order's fields for each item"), KEEP: _("Keep them blank")}
    sentences = {
        FILL: _(
            "A row for each item: the fields of its order are repeated, and an order stays on one side of the split"
        ),
        KEEP: _("A row for each item: the fields of its order stand in the first alone"),
    }
    other = KEEP if chosen == FILL else FILL
    confidence = 1.0 if asked else 0.85
    table.readings.append(Reading("orders", chosen, sentences[chosen], [Choice(other, labels[other])], confidence, table.name, is_asked=asked is not None))  # fmt: skip
    table.group = names["name"]
    if chosen == FILL:
        filled = [place for place, name in enumerate(table.columns) if not fold_name(name).startswith("lineitem")]
        table.batches = fill_batches(table.batches, table.columns.index(names["name"]), filled)


def fill_batches(batches: Iterator[Columns], key: int, filled: list[int]) -> Iterator[Columns]:
    order: str | None = None
    fields: dict[int, str | None] = {}
    for columns in batches:
        cells = [list(column) for column in columns]
        for row, name in enumerate(cells[key]):
            if name != order or not name:
                order, fields = name, {place: cells[place][row] for place in filled}
                continue
            for place in filled:
                if not (cells[place][row] or "").strip():
                    cells[place][row] = fields[place]
        yield cells
