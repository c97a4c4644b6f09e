"""The style sheets keep their order: each layer stands once, each selector once in it, and nothing is styled that no page has."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHEETS = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "static" / "css").glob("*.css"))}
LAYERS = ["tokens", "base", "layout", "components", "pages"]
NUMBERED = re.compile(r"[bkm]\d")
"""Colours of series, whose numbers are put in by templates."""
BY_LIBRARIES = {"htmx-request"}


def rules(css: str, context: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """(what it stands in, prelude) of every block; rules nested in a rule have its selector as context."""
    at = 0
    while (opening := css.find("{", at)) >= 0:
        prelude = css[at:opening].rpartition("}")[2].rpartition(";")[2].strip()
        depth, end = 1, opening + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
        yield context, prelude
        yield from rules(css[opening + 1 : end - 1], (*context, prelude))
        at = end


def without_comments(css: str) -> str:
    return re.sub(r"/\*.*?\*/", "", css, flags=re.S)


RULES = [rule for css in SHEETS.values() for rule in rules(without_comments(css))]


def test_each_layer_stands_once_in_its_order() -> None:
    assert [prelude for context, prelude in RULES if prelude.startswith("@layer")] == [
        f"@layer {name}" for name in LAYERS
    ]
    assert f"@layer {', '.join(LAYERS)};" in SHEETS["maquette.css"]


def test_every_rule_is_in_a_layer() -> None:
    outside = {prelude for context, prelude in RULES if not context and not prelude.startswith("@")}
    assert outside == set()


def test_no_selector_stands_twice() -> None:
    counted = Counter((context, " ".join(prelude.split())) for context, prelude in RULES)
    twice = {rule for rule, count in counted.items() if count > 1 and not rule[1].startswith("@")}
    assert twice == set()


def test_a_class_is_laid_out_in_one_layer() -> None:
    """A page that takes a name that a component has would change every page that shows the component."""
    layers: dict[str, set[str]] = {}
    for context, prelude in RULES:
        if len(context) == 1 and re.fullmatch(r"\.[\w-]+", prelude):
            layers.setdefault(prelude, set()).add(context[0])
    assert {name: found for name, found in layers.items() if len(found) > 1} == {}


def test_boxes_of_a_model_keep_their_colours() -> None:
    """Both styles are on one element; in another layer the plain one would win whatever its order."""
    layers = {context[0] for context, prelude in RULES if prelude in (".boxed rect", ".found rect", ".found .b2")}
    assert layers == {"@layer components"}


def test_every_class_is_on_some_page() -> None:
    sources = [
        *(ROOT / "templates").rglob("*.html"),
        *(ROOT / "webapp").rglob("*.py"),
        *(ROOT / "static/js").glob("*.js"),
    ]
    words = set(re.findall(r"[\w-]+", "\n".join(path.read_text("utf-8") for path in sources)))
    classes = {name for _context, prelude in RULES for name in re.findall(r"\.([a-zA-Z][\w-]*)", prelude)}
    assert {name for name in classes - words - BY_LIBRARIES if not NUMBERED.fullmatch(name)} == set()


@pytest.mark.parametrize("sheet", SHEETS)
def test_every_token_is_defined_and_used(sheet: str) -> None:
    everything = without_comments("".join(SHEETS.values()))
    defined = set(re.findall(r"(--[\w-]+)\s*:", everything)) | set(re.findall(r"@property (--[\w-]+)", everything))
    used = set(re.findall(r"var\((--[\w-]+)", everything))
    assert set(re.findall(r"var\((--[\w-]+)", SHEETS[sheet])) <= defined
    assert defined == used
