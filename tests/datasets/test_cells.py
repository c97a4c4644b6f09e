"""Cells drawn on the data page are escaped and bounded, whatever they hold."""

import json

import pytest

from webapp.datasets.templatetags.cells import boxed, counted, tagged


def test_tagged_words_are_marked_together() -> None:
    shown = tagged(json.dumps(["Ada", "Lovelace", "wrote", "<b>"]), json.dumps(["B-PER", "I-PER", "O", "O"]))
    assert shown == '<mark>Ada Lovelace <span class="small">PER</span></mark> wrote &lt;b&gt;'
    assert tagged(json.dumps(["高", "勇", "，"]), json.dumps(["B-NAME", "I-NAME", "O"])).startswith("<mark>高勇 ")


@pytest.mark.parametrize("cell", [None, "", "no json", "[1, 2", '{"a": 1}', "[" * 5000])
def test_cells_that_are_no_lists_are_shown_as_they_are(cell: str | None) -> None:
    assert tagged(cell, "[]") == (cell or "").replace('"', "&quot;")


def test_boxes_are_drawn_as_shapes_only() -> None:
    objects = [
        {"label": "<script>", "box": [1, 2, 3, 4]},
        {"label": "x", "box": ["1", 2, 3, 4]},
        {"label": "y", "box": [1, 2]},
        "no object",
    ]
    shown = boxed("/media/a.png", "40", "inf", json.dumps(objects), 'row "1"')
    assert shown.count("<rect") == 1
    assert "&lt;script&gt;" in shown
    assert 'viewBox="0 0 40 1"' in shown
    assert "row &quot;1&quot;" in shown


def test_kinds_are_counted() -> None:
    boxes = json.dumps([{"label": "cat", "box": [0, 0, 1, 1]}, {"label": "dog"}, {"label": "cat"}, 3])
    assert counted(boxes, "label") == "cat × 2, dog"
    assert counted('["B-person", "I-person", "O", "B-place", "B-person"]', "tag") == "person × 2, place"
    assert counted('["NN", "VB", "NN"]', "tag") == "NN × 2, VB"
    assert counted("[cut", "label") == counted(None, "tag") == ""
