"""What the API asks of a request, rule by rule: bodies, parameters, keys of idempotency, and wishes that no version can fulfil."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as some

from tests import things
from webapp.accounts.models import Workspace
from webapp.api.auth import PlainJson, check_choice, digest_of, refuse_unknown, without_secrets
from webapp.api.checks import (
    check_answer,
    check_changes,
    check_columns,
    check_names,
    check_roles,
    check_split,
    check_task,
    columns_for,
)
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion

often = settings(max_examples=80, deadline=None, derandomize=True)


# Bodies


def parsed(body: bytes) -> Any:
    return PlainJson().parse_body(RequestFactory().post("/", body, content_type="application/json"))


@often
@given(
    some.recursive(
        some.none()
        | some.booleans()
        | some.integers(-(10**300), 10**300)
        | some.floats(allow_nan=False, allow_infinity=False)
        | some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        lambda inner: some.lists(inner) | some.dictionaries(some.text("ab"), inner),
        max_leaves=8,
    ),
    some.booleans(),
)
def test_a_body_is_read_as_it_was_written(value: Any, is_ascii: bool) -> None:
    assert parsed(json.dumps(value, ensure_ascii=is_ascii).encode()) == value
    assert parsed(b"\xef\xbb\xbf" + json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[NaN]",
        b"[Infinity]",
        b"[1e999]",
        b"[" + b"9" * 400 + b"]",
        b'["\\u0000"]',
        b'["\\ud800"]',
        b'{"\\u0000": 1}',
        b"\xff",
        b'"\\uDFFF"',
    ],
)
def test_what_no_database_holds_is_no_body(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"(?s).*"):
        parsed(body)


@pytest.mark.parametrize("text", ['"\\\\u0000"', '"a\\\\\\\\u0000b"', '"\\u00e9"', '"\\ud83d\\ude00"'])
def test_what_only_looks_like_it_is_text(text: str) -> None:
    assert parsed(text.encode()) == json.loads(text)


# Parameters


@pytest.mark.parametrize(("given_names", "allowed"), [([], []), (["cursor"], ["cursor", "status"]), ([], ["cursor"])])
def test_known_parameters_pass(given_names: list[str], allowed: list[str]) -> None:
    refuse_unknown(given_names, allowed)
    with pytest.raises(Problem) as refused:
        refuse_unknown([*given_names, "one_more"], allowed)
    assert refused.value.extra == {"parameter": "one_more", "known": allowed}


@pytest.mark.parametrize(
    ("allowed", "hint"),
    [([], "This call knows no parameters."), (["cursor", "status"], "This call knows cursor, status.")],
)
def test_a_misspelt_parameter_is_named_with_those_that_there_are(allowed: list[str], hint: str) -> None:
    with pytest.raises(Problem) as refused:
        refuse_unknown(["statsu" + "x" * 99], allowed)
    assert (refused.value.code, refused.value.hint) == ("unknown_parameter", hint)
    assert refused.value.message == f"There is no parameter “{('statsu' + 'x' * 99)[:60]}”."
    assert refused.value.extra["known"] == allowed


def test_a_filter_is_one_of_its_values_or_left_out() -> None:
    check_choice("status", None, ["ready"])
    check_choice("status", "", ["ready"])
    check_choice("status", "ready", ["ready"])
    with pytest.raises(Problem) as refused:
        check_choice("status", "READY", ["ready", "failed"])
    assert (refused.value.code, refused.value.hint) == ("bad_status", "Use one of ready, failed.")


# Requests sent twice


def digest(**sent: Any) -> str:
    return digest_of(RequestFactory().post("/", sent))


def test_a_form_is_the_same_by_its_fields_and_the_contents_of_its_files() -> None:
    def file(name: str = "a.csv", content: bytes = b"a,b") -> SimpleUploadedFile:
        return SimpleUploadedFile(name, content)

    same = digest(name="x", file=file())
    assert digest(file=file(), name="x") == same, "in whatever order"
    others = [
        digest(name="y", file=file()),
        digest(name="x", file=file("b.csv")),
        digest(name="x", file=file(content=b"a;b")),
        digest(name="x"),
    ]
    assert len({same, *others}) == 5
    twice = SimpleUploadedFile("a.csv", b"a,b")
    assert digest(name="x", file=twice) == same
    assert digest(name=["x", "z"], file=file()) != digest(name=["z", "x"], file=file())


def test_a_body_is_the_same_by_its_bytes() -> None:
    one, two, spaced = (
        digest_of(RequestFactory().post("/", body, content_type="application/json"))
        for body in ('{"a":1}', '{"a":1}', '{"a": 1}')
    )
    assert (one == two, one == spaced) == (True, False)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"id": "1", "key": "secret"}, {"id": "1", "key": None}),
        ({"accept_url": "https://x/secret", "email": "a"}, {"accept_url": None, "email": "a"}),
        ({"id": "1"}, {"id": "1"}),
        ([{"key": "x"}], [{"key": "x"}]),
        (None, None),
    ],
)
def test_what_is_shown_once_is_not_kept(body: Any, kept: Any) -> None:
    assert without_secrets(body) == kept


# Wishes of a version


@pytest.fixture
def version(workspace: Workspace) -> DatasetVersion:
    made = things.dataset(workspace).current
    assert made is not None
    return made


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(Problem) as refused:
        call()
    assert refused.value.hint
    return refused.value.code


def test_a_task_and_its_roles_are_those_that_are_declared() -> None:
    check_task("text-classification")
    check_columns("text-classification", ["text", "label"])
    check_columns("no-such-task", ["anything"])
    assert code_of(lambda: check_task("nonsense")) == "bad_task"
    assert code_of(lambda: check_columns("text-classification", ["text", "target"])) == "bad_role"


def test_another_task_takes_the_columns_that_suit_it_or_is_refused(version: DatasetVersion) -> None:
    assert set(columns_for(version, "text-classification")) == {"text", "label"}
    assert code_of(lambda: columns_for(version, "image-classification")) == "bad_task"
    assert code_of(lambda: columns_for(version, "nonsense")) == "bad_task"


@pytest.mark.parametrize(
    ("roles", "mapped", "code"),
    [
        (None, (), None),
        ({"a": "answer", "b": "group", "c": "time", "d": "ignore"}, (), None),
        ({"a": "answer", "b": "answer"}, (), "bad_role"),
        ({"a": "group", "b": "group"}, (), "bad_role"),
        ({"a": "ignore"}, ("a",), "bad_role"),
        ({"a": "input"}, ("a",), None),
        ({"a": "answer"}, ("a",), None),
    ],
)
def test_a_role_is_of_one_column_and_none_that_the_task_needs_loses_its_own(
    roles: dict[str, str] | None, mapped: tuple[str, ...], code: str | None
) -> None:
    if code is None:
        check_roles(roles, mapped)
    else:
        assert code_of(lambda: check_roles(roles, mapped)) == code


@pytest.mark.parametrize(
    ("split", "code"),
    [
        (None, None),
        ({"test": 0.3, "seed": 5}, None),
        ({"group": "note"}, None),
        ({"test": 2}, "bad_split"),
        ({"tset": 0.2}, "bad_split"),
        ({"test": "much"}, "bad_split"),
        ({"group": "gone"}, "no_column"),
        ({"time": "gone"}, "no_column"),
    ],
)
def test_a_split_has_known_fields_and_columns(
    version: DatasetVersion, split: dict[str, Any] | None, code: str | None
) -> None:
    if code is None:
        check_split(version, split)
    else:
        assert code_of(lambda: check_split(version, split)) == code


def test_a_column_that_is_not_there_is_refused_with_those_that_are(version: DatasetVersion) -> None:
    check_names(version, ["text", "note"])
    with pytest.raises(Problem) as refused:
        check_names(version, ["text", "Text"])
    assert (refused.value.message, refused.value.hint) == (
        "There is no column “Text”.",
        "The columns are: label, note, text.",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"set": [{"row": 1, "column": "label", "value": "x"}], "drop": [3]},
        {"set": [], "drop": []},
        {},
    ],
)
def test_changes_of_rows_that_there_are_pass(version: DatasetVersion, changes: dict[str, Any]) -> None:
    check_changes(version, changes)
    with pytest.raises(Problem, match=f"There is no row {version.rows + 1}:"):
        check_changes(version, changes | {"drop": [*changes.get("drop", []), version.rows + 1]})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"delete": [1]}, "bad_change"),
        ({"drop": 5}, "bad_change"),
        ({"drop": [0]}, "bad_change"),
        ({"drop": [4]}, "bad_change"),
        ({"drop": [True]}, "bad_change"),
        ({"drop": ["1"]}, "bad_change"),
        ({"drop": [10**400]}, "bad_change"),
        ({"set": ["x"]}, "bad_change"),
        ({"set": [{"row": 1}]}, "bad_change"),
        ({"set": [{"row": 9, "column": "label"}]}, "bad_change"),
        ({"set": [{"row": 1, "column": "gone"}]}, "no_column"),
        ({"set": [{"row": 1, "column": ["label"]}]}, "no_column"),
    ],
)
def test_changes_of_rows_and_columns_that_there_are_not_are_refused(
    version: DatasetVersion, changes: dict[str, Any], code: str
) -> None:
    assert code_of(lambda: check_changes(version, changes)) == code


def test_words_are_no_answer_to_a_task_of_numbers(version: DatasetVersion) -> None:
    check_answer(version, "text-classification", {"text": "text", "label": "label"})
    assert code_of(lambda: check_answer(version, "text-regression", {"text": "text", "target": "label"})) == "bad_task"
