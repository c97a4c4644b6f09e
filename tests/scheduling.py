"""How processes share the tests, also when one of them dies.

pytest-xdist's own scheduler of groups gives a test that killed its process to the next one, which dies of it too, and
forgets to tell the last process that nothing more comes, so a session does not end. Its groups by mark are lost on a
pytest that keeps the names of tests elsewhere than it looks for them; here a test's file says where it belongs.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

ROOT = Path(__file__).resolve().parents[1]
NEEDS_SITE = re.compile(r"\bsite: Site\b")
LONGEST = (
    "tests/ops/test_postgres.py",
    "tests/runs/test_resilience.py",
    "tests/trainer/test_tasks.py",
    "tests/trainer/test_devices.py",
    "tests/trainer/test_killed.py",
    "tests/core/test_strangers.py",
    "tests/runs/test_searches.py",
    "tests/accounts/test_tenants.py",
)
"""Files of minutes, begun early: one that is left alone at the end has the others wait."""
READS_SOURCES = re.compile(r"^from tests(\.sources| import sources|\.documented)\b", re.M)


@cache
def group_of(file: str) -> str:
    """One process takes all files with tests of the running site in a browser, one those without, and one those that read all
    sources; the others go to whichever is free, each as a whole."""
    path = ROOT / file
    text = path.read_text("utf-8") if path.is_file() else ""
    if NEEDS_SITE.search(text):
        return "browser" if file.startswith("tests/browser/") else "site"
    return "sources" if READS_SOURCES.search(text) else file


def turn(item: pytest.Item) -> tuple[bool, int, bool]:
    """Where a test stands: what needs the running site in a browser comes first, since it takes longest, and of that last what
    watches something for minutes: it has gone on meanwhile; then the longest files, so that few of those that train at full
    speed run at the same time."""
    file = item.nodeid.partition("::")[0]
    place = LONGEST.index(file) if file in LONGEST else len(LONGEST)
    return group_of(file) != "browser", place, bool(item.get_closest_marker("patient"))


class GroupScheduling(LoadGroupScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0])

    def remove_node(self, node: Any) -> str | None:
        """Take a process out; the test that it died of, which counts as done, or None where it had nothing left to do."""
        workload = self.assigned_work[node]
        pending = [(unit, test) for unit in workload.values() for test, done in unit.items() if not done]
        if not pending:
            return super().remove_node(node)
        unit, crashed = pending[0]
        unit[crashed] = True
        del self.assigned_work[node]
        self.workqueue.update({scope: unit for scope, unit in workload.items() if not all(unit.values())})
        for other in self.nodes:
            if self.workqueue:
                self._reschedule(other)
        return crashed

    def schedule(self) -> None:
        """Called again for a process that replaces a dead one; it waits for more unless it hears that this was all."""
        super().schedule()
        if self.collection and not self.workqueue:
            for node in self.nodes:
                node.shutdown()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling | None:
    return GroupScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None
