"""What a column holds is said in words, whatever kind it is and however old the version."""

from typing import Any

import pytest

from webapp.datasets.templatetags.figures import column_figures, kind_word

TEXT = {
    "kind": "text", "distinct": 90, "missing": 2, "length": {"min": 3, "median": 40, "p95": 90, "max": 1200, "mean": 44.0},
    "words": {"min": 1, "median": 8, "p95": 20, "max": 210}, "tokens": {"median": 11, "p95": 27, "max": 260, "estimated": True},
    "languages": [{"name": "English", "share": 0.9}, {"name": "Thai", "share": 0.1}],
}  # fmt: skip


def test_texts() -> None:
    found = dict(column_figures(TEXT))
    assert found["Words"] == "8 in the middle, 95 of 100 under 20, at most 210"
    assert "Tokens, estimated" in found
    assert found["Language"] == "English 90\u00a0%, Thai 10\u00a0%"
    assert found["Missing"] == "2"


@pytest.mark.parametrize(
    ("column", "what", "figure"),
    [
        ({"kind": "number", "numbers": {"min": -4, "median": 3, "max": 1200.5, "mean": 399.8}}, "Median", "3"),
        ({"kind": "date", "dates": {"first": "2024-01-01", "last": "2024-02-01"}}, "Latest", "2024-02-01"),
        (
            {"kind": "image", "pictures": {"width": {"min": 20, "max": 25}, "height": {"min": 10, "max": 10}, "modes": {"RGB": 12}, "formats": {}}},
            "Pixels",
            "20 to 25 wide, 10 high",
        ),
        (
            {"kind": "audio", "sounds": {"seconds": {"min": 0.25, "max": 0.25, "total": 180}, "rates": {"8000": 12}, "channels": {"1": 12}, "formats": {}}},
            "Rate",
            "8000\u00a0Hz (12)",
        ),
    ],
)  # fmt: skip
def test_other_kinds(column: dict[str, Any], what: str, figure: str) -> None:
    assert dict(column_figures(column | {"distinct": 5, "missing": 0}))[what] == figure
    assert kind_word(column)


def test_a_version_read_before_figures_were_kept() -> None:
    assert column_figures({"kind": "text", "distinct": 5, "missing": 0}) == [("Different values", "5")]
    assert kind_word({"kind": "json"}) == "json"
