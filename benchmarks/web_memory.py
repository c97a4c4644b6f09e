"""Memory of the web process (MiB), after its first page, with the API used, and how long the first requests wait.

python benchmarks/web_memory.py [--tree FOLDER]     another checkout of this project, to compare with
"""

import argparse
import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATHS = (
    "/accounts/login/",
    "/",
    "/accounts/login/",
    "/api/v1/openapi.json",
    "/api/v1/openapi.json",
    "/accounts/login/",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=ROOT)
    tree = parser.parse_args().tree.resolve()
    with tempfile.TemporaryDirectory() as data:
        env = os.environ | {"MAQUETTE_DATA": data, "MALLOC_ARENA_MAX": "2"}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=tree, env=env, check=True)
        measure(tree, env)  # collects the files for browsers, once
        print(f"{'request':24s}{'status':>8s}{'seconds':>9s}{'RSS':>8s}{'PSS':>8s}")
        for path, status, seconds, resident, own in measure(tree, env):
            print(f"{path:24s}{status:8d}{seconds:9.3f}{resident:8.1f}{own:8.1f}")


def measure(tree: Path, env: dict[str, str]) -> list[tuple[str, int, float, float, float]]:
    port = free_port()
    options = ["webapp.asgi:application", f"--port={port}", "--log-level=error", "--no-access-log"]
    started = time.perf_counter()
    web = subprocess.Popen([sys.executable, "-m", "uvicorn", *options], cwd=tree, env=env)
    try:
        while not is_up(port):
            time.sleep(0.05)
        print(f"up after {time.perf_counter() - started:.2f} s")
        return [(path, *ask(port, path), *memory(web.pid)) for path in PATHS]
    finally:
        web.terminate()
        web.wait()


def ask(port: int, path: str) -> tuple[int, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status, time.perf_counter() - started


def memory(pid: int) -> tuple[float, float]:
    """RSS and PSS in MiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    resident, own = (int(re.findall(rf"^{name}:\s+(\d+)", text, re.MULTILINE)[0]) / 1024 for name in ("Rss", "Pss"))
    return resident, own


def is_up(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    main()
