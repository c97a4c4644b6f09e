"""What the files of a competition say of each other: the column to predict is in train.csv, not in test.csv, and in the example of what to
hand in."""

import re
from collections.abc import Sequence

from trainer.data.readings import Reading
from trainer.data.tables.table import Table
from trainer.messages import _

SUBMISSION = re.compile(r"(^|[^a-z]|sample|example|format)_?submission", re.IGNORECASE)
WHAT = "answer"


def is_submission(name: str) -> bool:
    """Whether a file's name says that it shows what to hand in: sample_submission.csv, sampleSubmission.csv, submission_format.csv."""
    return SUBMISSION.search(name) is not None


def find_answer(tables: Sequence[Table], parts: Sequence[str | None]) -> Reading | None:
    """The column that the test is without, or that the example of what to hand in has behind the names of the rows; None where they
    do not agree on one."""
    examples = [table for table in tables if is_submission(table.name)]
    tests = [table for table, part in zip(tables, parts, strict=True) if part == "test" and table not in examples]
    others = [table for table in tables if table not in examples and table not in tests]
    known = list(dict.fromkeys(name for table in others for name in table.columns))
    names = {name for table in examples for name in table.columns[1:]}
    lacking = [name for name in known if tests and all(name not in table.columns for table in tests)]
    named = [name for name in known if name in names]
    both = [name for name in lacking if name in names] or named or lacking
    if len(both) != 1 or not (named or lacking):
        return None
    file = (examples if both[0] in names else tests)[0].name
    sentence = _("“%(column)s” is what should be predicted, according to %(file)s", column=both[0], file=file)
    return Reading(WHAT, both[0], sentence, file=file)
