"""A date of an example stands in its field, however the column writes dates, and the model reads what the field sends."""

from typing import Any

import numpy as np
import pytest
from django.template.loader import render_to_string

from trainer import dates, tables
from webapp.runs.inputs import field_of, filled

WRITTEN = [
    ({"min": "11/01/2024", "max": "17/08/2025"}, "02/08/2024", "date", "2024-08-02"),
    ({"min": "01/11/2024", "max": "08/17/2025"}, "02/08/2024", "date", "2024-02-08"),
    ({"min": "01/02/2024", "max": "03/04/2024", "form": "%m/%d/%Y"}, "02/08/2024", "date", "2024-02-08"),
    ({"min": "11.01.2024", "max": "17.08.2025"}, "2.8.2024", "date", "2024-08-02"),
    ({"min": "2024-01-11", "max": "2025-08-17"}, "2024-08-02", "date", "2024-08-02"),
    ({"min": "2025-01-01T06:00:00", "max": "2025-02-01T13:00:00"}, "2025-01-02T20:00:00", "moment", "2025-01-02T20:00"),
    ({"min": "01/02/2025 06:30", "max": "17/02/2025 13:00"}, "02/02/2025 20:15", "moment", "2025-02-02T20:15"),
    ({"min": "2024-01-11", "max": "2025-08-17"}, "soon", "date", ""),
]


def declared(ends: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "Signed up",
        "kind": "date",
        "required": False,
        "typical": ends["min"],
        "example": ends["min"],
    } | ends


@pytest.mark.parametrize(("ends", "written", "kind", "shown"), WRITTEN)
def test_a_date_stands_in_its_field(ends: dict[str, Any], written: str, kind: str, shown: str) -> None:
    field = field_of(0, declared(ends), single=False)
    assert field.kind == kind
    assert field.value, "the column's own example"
    (one,) = filled([field], {"in-0": written})
    assert one.value == shown
    page = render_to_string("runs/_inputs.html", {"fields": [one]})
    assert f'type="{"datetime-local" if kind == "moment" else "date"}" value="{shown}"' in page
    assert filled([one], {"in-0": shown})[0].value == shown, "what was sent stays"


@pytest.mark.parametrize(("ends", "written", "kind", "shown"), WRITTEN[:-1])
def test_the_model_reads_what_the_field_sends(ends: dict[str, Any], written: str, kind: str, shown: str) -> None:
    form = ends.get("form") or dates.guess_form([ends["min"], ends["max"], written])
    column = {"name": "Signed up", "kind": "date", "form": form}
    told, sent = tables.encode_column(column, [written, shown])
    assert np.array_equal(told, sent)
