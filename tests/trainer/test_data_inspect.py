import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import rows, write_csv
from trainer.__main__ import main
from trainer.data.inspect import inspect
from trainer.data.splitting import part_of_name
from trainer.errors import DataError, SpecError

ROOT = Path(__file__).resolve().parents[2]


def codes(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {problem["code"]: problem for problem in result["problems"]}


def test_a_version_is_written(tmp_path: Path) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    out = tmp_path / "datasets" / "v1"
    result = inspect(
        [write_csv(tmp_path / "1-a.csv", rows())], out, emit=lambda name, **fields: events.append((name, fields))
    )
    assert sorted(file.name for file in out.iterdir()) == [
        "data.parquet",
        "problems.json",
        "profile.json",
        "split.parquet",
    ]
    assert [folder.name for folder in out.parent.iterdir()] == ["v1"]
    profile = json.loads((out / "profile.json").read_text())
    assert profile["sha256"] == result["sha256"]
    assert profile["source"] == [
        {
            "name": "a.csv",
            "format": "csv",
            "bytes": result["source"][0]["bytes"],
            "encoding": "utf-8",
            "delimiter": ",",
            "rows": 60,
        }
    ]
    assert profile["labels"] == [{"label": label, "count": 20} for label in ("good", "bad", "fair")]
    assert (profile["split"]["test"], profile["split"]["validation"], profile["split"]["unused"]) == (12, 6, 0)
    assert pq.read_table(out / "data.parquet").num_rows == 60
    split = pq.read_table(out / "split.parquet")
    assert split.column_names == ["split"]
    assert split.column("split").to_pylist().count("test") == 12
    fractions = [fields["fraction"] for name, fields in events if name == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert events[0][1].keys() >= {"done", "rows_per_second", "eta_seconds"}


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    first = inspect([write_csv(tmp_path / "a.csv", rows())], tmp_path / "v1")
    same = [{"text": text, "label": label} for text, label in rows()]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in same))
    assert inspect([tmp_path / "b.jsonl"], tmp_path / "v2")["sha256"] == first["sha256"]
    assert inspect([tmp_path / "b.jsonl"], tmp_path / "v3", split={"seed": 1})["sha256"] != first["sha256"]
    assert inspect([write_csv(tmp_path / "c.csv", rows(59))], tmp_path / "v4")["sha256"] != first["sha256"]


def test_unused_rows_have_no_part(tmp_path: Path) -> None:
    result = inspect(
        [write_csv(tmp_path / "a.csv", [*rows(), ("no label", ""), ("", "good"), ("", "")])], tmp_path / "v1"
    )
    assert pq.read_table(tmp_path / "v1" / "split.parquet").column("split").to_pylist()[-3:] == ["pool", None, None]
    found = codes(result)
    assert (found["missing_labels"]["rows"], found["missing_text"]["rows"], found["empty_rows"]["rows"]) == (
        [61],
        [62],
        [63],
    )


def test_every_fault_is_named_with_a_remedy(tmp_path: Path) -> None:
    pairs = [*rows(), rows()[0], (rows()[1][0].upper(), "good"), ("a new one", "Good"), ("x" * 5000, "rare")]
    found = codes(inspect([write_csv(tmp_path / "a.csv", pairs)], tmp_path / "v1"))
    fixes = {code: (problem["fix"] or {}).get("action") for code, problem in found.items()}
    assert fixes == {
        "small_test": "folds",
        "duplicates": "drop_duplicates",
        "conflicting_labels": "drop_conflicting",
        "label_variants": "merge_label_variants",
        "rare_classes": "drop_rare_classes",
        "very_long_texts": None,
    }
    assert found["duplicates"]["rows"] == [61, 62]
    assert found["conflicting_labels"]["rows"] == [2, 62]
    for problem in found.values():
        assert problem["severity"] in ("info", "warning")
        assert problem["message"].endswith(".")
        assert len(problem["examples"]) <= 3
        assert all(len(example) <= 120 for example in problem["examples"])


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([(text, "same") for text, _label in rows()], "one_class"),
        ([(text, "") for text, _label in rows()], "no_rows"),
        (rows(6), "too_few_rows"),
        ([(text, f"label {number}") for number, (text, _label) in enumerate(rows())], "all_unique_label"),
        ([("always the same", label) for _text, label in rows()], "no_test_rows"),
    ],
)
def test_what_makes_training_impossible_is_an_error(pairs: list[tuple[str, str]], code: str, tmp_path: Path) -> None:
    columns = {"text": "text", "label": "label"}
    result = inspect([write_csv(tmp_path / "a.csv", pairs)], tmp_path / "v1", columns=columns)
    assert [problem["code"] for problem in result["problems"] if problem["severity"] == "error"] == [code]


def test_skewed_and_few(tmp_path: Path) -> None:
    pairs = [(text, "usual") for text, _label in rows(40)] + [
        ("odd one", "odd"),
        ("odd two", "odd"),
        ("odd three", "odd"),
    ]
    found = codes(inspect([write_csv(tmp_path / "a.csv", pairs)], tmp_path / "v1"))
    assert {"skewed_classes", "few_rows"} <= set(found)


@pytest.mark.parametrize(
    ("action", "left", "gone"),
    [
        ("drop_duplicates", 63, {"duplicates", "conflicting_labels"}),
        ("drop_conflicting", 63, {"conflicting_labels"}),
        ("drop_missing", 63, {"missing_labels", "missing_text"}),
        ("drop_rare_classes", 62, set()),
        ("merge_label_variants", 65, {"label_variants"}),
    ],
)
def test_fixes(action: str, left: int, gone: set[str], tmp_path: Path) -> None:
    pairs = [*rows(), rows()[0], (rows()[1][0], "good"), ("a new one", " GOOD "), ("no label", "null"), ("", "bad")]
    before = inspect([write_csv(tmp_path / "a.csv", pairs)], tmp_path / "v1")
    after = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=[action])
    assert after["rows"] == left + (2 if action == "drop_rare_classes" else 0)
    assert not gone & set(codes(after))
    assert gone <= set(codes(before))
    assert after["source"] == before["source"]


def test_unknown_fix(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no fix"):
        inspect([write_csv(tmp_path / "a.csv", rows())], tmp_path / "v1", fixes=["explode"])


def test_other_columns_of_a_version(tmp_path: Path) -> None:
    content = "text,label,topic\n" + "".join(
        f"{text},{label},{'ab'[row % 2]}\n" for row, (text, label) in enumerate(rows())
    )
    (tmp_path / "a.csv").write_text(content)
    inspect([tmp_path / "a.csv"], tmp_path / "v1")
    result = inspect(
        [tmp_path / "v1"], tmp_path / "v2", task="text-classification", columns={"text": "text", "label": "topic"}
    )
    assert {label["label"] for label in result["labels"]} == {"a", "b"}
    assert result["suggestion"]["columns"] == {"text": "text", "label": "topic"}
    with pytest.raises(DataError, match="no column") as caught:
        inspect([tmp_path / "v1"], tmp_path / "v3", columns={"label": "nothing"})
    assert "topic" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("1-banking77_train.csv", "train"),
        ("2-banking77_test.csv", "test"),
        ("3-test-set/dev.csv", "validation"),
        ("10-my.valid.jsonl", "validation"),
        ("1-reviews.csv", None),
        ("1-contest_trainers.csv", None),
        ("12-训练_train.csv", "train"),
    ],
)
def test_parts_by_file_name(name: str, part: str | None) -> None:
    assert part_of_name(name) == part


def test_given_files_give_given_parts_that_last(tmp_path: Path) -> None:
    train, test = (
        write_csv(tmp_path / "1-x_train.csv", rows(90)),
        write_csv(tmp_path / "2-x_test.csv", [*rows(3), ("new", "bad"), ("odd", "unseen")]),
    )
    result = inspect([train, test], tmp_path / "v1")
    assert (result["split"]["test"], result["split"]["how"], result["split"]["given"]) == (5, "by file", True)
    found = codes(result)
    assert found["duplicates_across_split"]["rows"] == [91, 92, 93]
    assert found["unseen_labels"]["examples"] == ["unseen"]
    mended = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["drop_duplicates"])
    assert (mended["rows"], mended["split"]["test"], mended["split"]["how"]) == (92, 2, "by file")
    assert mended["split"]["validation"] == result["split"]["validation"]


def test_a_split_column_is_obeyed(tmp_path: Path) -> None:
    lines = [f"{text},{label},{'test' if row % 4 == 0 else 'train'}" for row, (text, label) in enumerate(rows())]
    (tmp_path / "a.csv").write_text("\n".join(["text,label,Split", *lines]))
    result = inspect([tmp_path / "a.csv"], tmp_path / "v1")
    assert (result["split"]["test"], result["split"]["how"]) == (15, "by column")


def test_files_of_other_columns(tmp_path: Path) -> None:
    first = write_csv(tmp_path / "1-train.csv", rows(), "text,label")
    second = write_csv(tmp_path / "2-test.csv", rows(9), "LABEL,Text")
    (tmp_path / "3-other.csv").write_text("a,b\n1,2\n")
    assert [column["name"] for column in inspect([first, second], tmp_path / "v1")["columns"]] == ["text", "label"]
    apart = inspect([first, tmp_path / "3-other.csv"], tmp_path / "v2")
    assert [column["name"] for column in apart["columns"]] == ["text", "label"]
    profile = json.loads((tmp_path / "v2" / "profile.json").read_text())
    assert [(entry["file"], entry["reason"], entry["count"]) for entry in profile["left_out"]] == [
        ("other.csv", "other_columns", 1)
    ]
    assert {entry["what"]: entry["doubt"] for entry in profile["reading"] if entry["doubt"]} == {"files": True}


def test_nothing_is_left_after_a_failure_and_nothing_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "datasets" / "v1"
    (tmp_path / "a.csv").write_text("text,label\n")
    with pytest.raises(DataError):
        inspect([tmp_path / "a.csv"], out)
    assert not out.parent.exists()
    inspect([write_csv(tmp_path / "a.csv", rows())], out)
    with pytest.raises(SpecError, match="exists"):
        inspect([tmp_path / "a.csv"], out)
    with pytest.raises(SpecError, match=r"split\.test"):
        inspect([tmp_path / "a.csv"], tmp_path / "v9", split={"test": 2})


def test_a_hostile_name_is_only_shown(tmp_path: Path) -> None:
    name = "1-<script>alert(1)</script>\u202e;rm -rf $HOME.csv".replace("/", "_")
    result = inspect([write_csv(tmp_path / name, rows())], tmp_path / "v1")
    assert "\u202e" not in result["source"][0]["name"]
    assert result["rows"] == 60


@pytest.mark.skipif(not (ROOT / "trainer" / "__main__.py").exists(), reason="the command line is not there")
def test_command_line(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "trainer",
        "inspect",
        str(write_csv(tmp_path / "1-a.csv", rows())),
        "--out",
        str(tmp_path / "v1"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert events[-1]["type"] == "result"
    assert events[-1]["rows"] == 60
    (tmp_path / "empty.csv").write_text("")
    command[4:] = [str(tmp_path / "empty.csv"), "--out", str(tmp_path / "v2")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 2
    assert json.loads(done.stdout.splitlines()[-1])["code"] == "empty_file"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_table_needs_little_memory(tmp_path: Path) -> None:
    """150,000 rows, 30 MB, need at most 150 MB more than 1,000 rows do: what the libraries take differs by machine."""
    assert peak_memory(tmp_path / "large", 150_000) - peak_memory(tmp_path / "small", 1_000) < 150 * 1024


def peak_memory(folder: Path, rows: int) -> int:
    """KiB, of a process of its own that inspects a table of so many rows."""
    folder.mkdir()
    words = [f"word{number}" for number in range(21)]
    with (folder / "a.csv").open("w") as file:
        file.write("id,text,label\n")
        for row in range(rows):
            file.write(f"{row},{' '.join(words[(row * step) % 21] for step in range(1, 30))} {row},{'abcd'[row % 4]}\n")
    code = (
        "import sys, pathlib; from trainer.data.inspect import inspect;"
        "r = inspect([pathlib.Path(sys.argv[1])], pathlib.Path(sys.argv[2])); assert r['rows'] == int(sys.argv[3]);"
        "print(pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )  # not ru_maxrss: that starts at the parent's own peak
    command = [sys.executable, "-c", code, str(folder / "a.csv"), str(folder / "v1"), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ)
    return int(done.stdout)


def test_long_changes_come_from_a_file_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inspect([write_csv(tmp_path / "a.csv", rows())], tmp_path / "v1")
    long = "word " * 40_000
    changes = json.dumps({"set": [{"row": 2, "column": "text", "value": long}]})
    (tmp_path / "changes.json").write_text(changes, "utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(changes))
    for number, source in enumerate((f"@{tmp_path / 'changes.json'}", "-"), 2):
        out = tmp_path / f"v{number}"
        assert main(["inspect", str(tmp_path / "v1"), "--out", str(out), "--changes", source]) == 0
        assert pq.read_table(out / "data.parquet").column("text")[1].as_py() == long


@pytest.mark.parametrize("source", ["@nowhere.json", "[1]", "{", "[" * 100_000])
def test_changes_that_make_no_sense_are_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["inspect", str(tmp_path), "--out", str(tmp_path / "v2"), "--changes", source])
    assert caught.value.code == 2


def test_a_profile_lists_the_commonest_labels_and_counts_the_rest(tmp_path: Path) -> None:
    many = [(f"message {n}", f"label {n // 2 if n < 40 else n}") for n in range(3_000)]
    found = inspect([write_csv(tmp_path / "a.csv", many)], tmp_path / "v1", columns={"text": "text", "label": "label"})
    assert (len(found["labels"]), found["label_total"], found["label_rows"]) == (1_000, 2_980, 3_000)
    assert found["labels"][0]["count"] == 2
    assert found["suggestion"]["sentence"] == "Predict label (2,980 classes) from text."
