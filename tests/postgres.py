"""A PostgreSQL of our own for tests: made in a folder, without a port, gone afterwards.

python -m tests.postgres [pytest's arguments]     the files named in FILES, or what is named, on PostgreSQL
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETTING = "MAQUETTE_TEST_DATABASE_URL"
FILES = (
    "tests/accounts/test_people.py",
    "tests/api/test_once.py",
    "tests/core/test_storable.py",
    "tests/costs/test_gate.py",
    "tests/costs/test_roll_up.py",
    "tests/datasets/test_lists.py",
    "tests/datasets/test_one_reader.py",
    "tests/datasets/test_quota.py",
    "tests/datasets/test_restoring.py",
    "tests/datasets/test_tus.py",
    "tests/datasets/test_uploads.py",
    "tests/datasets/test_versions.py",
    "tests/endpoints/test_admission.py",
    "tests/endpoints/test_deployments.py",
    "tests/endpoints/test_registry.py",
    "tests/pages/test_erasure.py",
    "tests/pages/test_removal.py",
    "tests/pages/test_removal_killed.py",
    "tests/pages/test_removed_models.py",
    "tests/pages/test_retention.py",
    "tests/ops/test_at_once.py",
    "tests/ops/test_encoding.py",
    "tests/runs/test_deaths.py",
    "tests/runs/test_outages.py",
    "tests/runs/test_rights.py",
    "tests/runs/test_waiting.py",
)
"""What a database can break: claims, the ledger, the quota, uploads, readers, versions, deployments, deletions and lists."""


def find_binaries() -> Path | None:
    """The folder of initdb and postgres: on PATH, or where Debian and Ubuntu put them, the newest version first."""
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


class Cluster:
    """One server in a folder of its own. PostgreSQL refuses to run as root, so as root its user is `postgres`."""

    def __init__(self, folder: Path, binaries: Path, connections: int = 60) -> None:
        self.folder, self.binaries, self.connections = folder, binaries, connections
        self.owner = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://maquette@/{self.folder}/postgres"

    @property
    def as_owner(self) -> dict[str, object]:
        if os.getuid() != 0:
            return {}
        return {"user": self.owner, "group": pwd.getpwnam(self.owner).pw_gid, "extra_groups": []}

    def initialize(self) -> None:
        if os.getuid() == 0:
            shutil.chown(self.folder, self.owner)
        words = ["--username=maquette", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run(
            [self.binaries / "initdb", f"--pgdata={self.folder / 'data'}", *words],
            check=True,
            capture_output=True,
            cwd=self.folder,
            **self.as_owner,  # type: ignore[call-overload]
        )

    def start(self) -> None:
        """Start the server and wait until it takes connections. What it has committed outlives its being killed, but no loss
        of power."""
        settings = {
            "listen_addresses": "''",
            "unix_socket_directories": self.folder,
            "unix_socket_permissions": "0700",
            "max_connections": self.connections,
            "fsync": "off",
            "full_page_writes": "off",
        }
        self._pg_ctl("start", "-o", " ".join(f"-c {name}={value!s}" for name, value in settings.items()))

    def stop(self, mode: str = "fast") -> None:
        """Nothing to do where a test has stopped it already, and failed before it was started again."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self._pg_ctl("stop", "-m", mode)

    def _pg_ctl(self, *words: str) -> None:
        subprocess.run(
            [self.binaries / "pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", *words],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **self.as_owner,  # type: ignore[call-overload]
        )


@contextmanager
def cluster(**options: int) -> Iterator[Cluster]:
    """A running cluster in a folder under /tmp, whose path a socket's address has room for."""
    binaries = find_binaries()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL is not installed here: sudo apt install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="maquette-pg-", dir="/tmp"))
    made = Cluster(folder, binaries, **options)
    try:
        made.initialize()
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_pytest(arguments: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    """pytest in a process of its own, over a new cluster; without a path among its arguments, on FILES."""
    named = any(Path(word.partition("::")[0]).exists() for word in arguments)
    with cluster() as running:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MAQUETTE_"))
        }
        return subprocess.run(
            [sys.executable, "-m", "pytest", *arguments, *([] if named else ["-m", "not slow", *FILES])],
            cwd=ROOT,
            env=environment | {SETTING: running.url},
            check=False,
            text=True,
            **options,  # type: ignore[call-overload]
        )


if __name__ == "__main__":
    sys.exit(run_pytest(sys.argv[1:]).returncode)
