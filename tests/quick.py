"""The tests that `make check` runs: no browser, no running site, no training, neither torch nor
scikit-learn. All of them together take under a minute.

python -m tests.quick [pytest's arguments]     what they are; `-m "not quick"` leaves them out elsewhere, as .ci/run does
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = (
    "tests/answers",
    "tests/catalog",
    "tests/core",
    "tests/costs/test_amounts.py",
    "tests/costs/test_tables.py",
    "tests/ops/test_sandbox_rules.py",
    "tests/pages/test_templates.py",
    "tests/pages/test_translations.py",
    "tests/serving/test_form_parts.py",
    "tests/test_docs.py",
    "tests/test_kinds_of_answers.py",
    "tests/test_layers.py",
    "tests/test_names.py",
    "tests/trainer/test_conditions.py",
    "tests/trainer/test_engines_by_sums.py",
    "tests/trainer/test_engines_of_texts.py",
    "tests/trainer/test_hostile_parts.py",
    "tests/trainer/test_json_repairs.py",
    "tests/trainer/test_number_formats.py",
    "tests/trainer/test_outlines.py",
    "tests/trainer/test_robustness.py",
    "tests/trainer/test_scores_of_texts.py",
    "tests/trainer/test_sheet_tables.py",
    "tests/trainer/test_table_footers.py",
    "tests/trainer/test_tag_rows.py",
    "tests/trainer/test_tagging.py",
    "tests/trainer/test_text_leaks.py",
    "tests/trainer/test_thresholds.py",
    "tests/trainer/test_token_files.py",
)
"""Folders and files, of which tests marked slow, browser or gpu are left out, and those that need the running site."""
LONG = (
    "tests/core/test_answer_headers.py",
    "tests/core/test_cache.py",
    "tests/core/test_confinement.py",
    "tests/core/test_hub_gate.py",
    "tests/core/test_json_nested.py",
    "tests/core/test_queues.py",
    "tests/core/test_rate_limit.py",
    "tests/core/test_strangers.py",
)
"""Files in these folders that take too long."""
LEFT_OUT = ("slow", "browser", "gpu")


def is_quick(path: Path) -> bool:
    """Whether a file of tests is in one of the places."""
    name = path.relative_to(ROOT).as_posix()
    return name not in LONG and any(name == place or name.startswith(f"{place}/") for place in PLACES)


if __name__ == "__main__":
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "0",  # mypy takes as long beside it, and a second process would read all files of tests again
        "--nomigrations",  # the tables as the models say: migrations are run by all other tests
        "-m",
        "quick",
    ]
    sys.exit(subprocess.run([*command, *PLACES, *sys.argv[1:]], cwd=ROOT, check=False).returncode)
