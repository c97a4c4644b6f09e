"""Our own HTTP beside kept libraries, on loopback: the web port's way to serving, and serving itself.

    python benchmarks/http_stack.py [--beside CHECKOUT] [--proxies own_proxy …] [--artifact DIR] [--seconds 3] [--rounds 7] [--json FILE]

`--beside` names another checkout, whose serving is measured beside this one's. aiohttp is not among the requirements: a
library that is not installed is left out. All variants run at once, each
round asks each in turn at one client and at 64, and what is printed are medians over the rounds of the differences and
ratios within a round, so that a noisy machine is noisy for all of them.
"""

import argparse
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))
from benchmarks._place import Place, free_port, wait_for  # noqa: E402
from benchmarks.serving import CLIENTS, answers, http_speed, package, sample_texts  # noqa: E402

MOST_MS, LEAST_RATIO = 1.0, 0.95
"""What a library may cost at one client, and must keep of the throughput, to replace ours."""
PROXIES = ("own_proxy", "httpx_proxy", "httpx2_proxy", "httpcore_proxy", "aiohttp_proxy")
SERVERS = ("serving", "serving_beside")
Figures = dict[str, float]


class Stacks(Place):
    """A private Redis, serving twice, and the proxies in front of ours."""

    def __init__(self, folder: Path, artifact: Path, other_tree: Path | None, proxies: list[str]) -> None:
        super().__init__(folder, artifact)
        self.other_tree, self.proxies = other_tree, [name for name in proxies if installed(name)]

    def __enter__(self) -> "Stacks":
        super().__enter__()
        self.ports |= {name: free_port() for name in self.proxies}
        for name in self.proxies:
            self.serve(["--factory", f"benchmarks._clients:{name}"], self.ports[name], REPO)
        if self.other_tree:
            self.ports["serving_beside"] = free_port()
            self.serve(["serving.app:app"], self.ports["serving_beside"], self.other_tree)
        wait_for(lambda: all(answers(port) for port in self.ports.values()))
        return self

    def serve(self, application: list[str], port: int, checkout: Path) -> None:
        command = [sys.executable, "-m", "uvicorn", *application, f"--port={port}", "--no-access-log"]
        self.processes.append(subprocess.Popen([*command, "--log-level=warning"], cwd=checkout, env=self.env))

    def processor_seconds(self, port: int) -> float:
        """Of the process that listens there, since it began."""
        (process,) = (process for process in self.processes if f"--port={port}" in process.args)  # type: ignore[operator]
        times = psutil.Process(process.pid).cpu_times()
        return times.user + times.system


def installed(variant: str) -> bool:
    library = variant.partition("_")[0]
    return library == "own" or importlib.util.find_spec(library) is not None


def measure(place: Stacks, texts: list[str], seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Variant → {ms, rows_s, cpu_ms, extra_ms, extra_cpu_ms, ratio}; extras and `ratio` against ours of the same round.

    `cpu_ms` is the processor time of the variant's process for each answer at 64 clients: what other programs on the machine
    do hardly changes it.
    """
    names = [name for name in (*SERVERS, *PROXIES) if name in place.ports]
    turns: dict[str, list[Figures]] = {name: [] for name in names}
    for number in range(rounds + 1):
        order = names if number % 2 else names[::-1]
        figures: dict[str, Figures] = {}
        for name in order:
            port = place.ports[name]
            single = http_speed(port, 1, seconds, texts)
            before = place.processor_seconds(port)
            many = http_speed(port, CLIENTS, seconds, texts)
            used = place.processor_seconds(port) - before
            figures[name] = {"ms": 1000 / single, "rows_s": many, "cpu_ms": 1000 * used / (many * seconds)}
        for name in names if number else ():  # the first round warms up
            own = figures["serving" if name in SERVERS else "own_proxy"]
            mine = figures[name]
            ratio = mine["rows_s"] / own["rows_s"]
            extra = {"extra_ms": mine["ms"] - own["ms"], "extra_cpu_ms": mine["cpu_ms"] - own["cpu_ms"]}
            turns[name].append(mine | extra | {"ratio": ratio})
    return {
        name: {key: round(statistics.median(turn[key] for turn in rows), 3) for key in rows[0]}
        for name, rows in turns.items()
    }


def table(figures: dict[str, Figures]) -> str:
    lines = [
        "variant              ms at one client   extra   rows/s at 64 clients   ratio   processor ms   extra   would do"
    ]
    for name, speeds in figures.items():
        good = speeds["extra_ms"] <= MOST_MS and speeds["ratio"] >= LEAST_RATIO
        lines.append(
            f"{name:<20} {speeds['ms']:>16.2f} {speeds['extra_ms']:>7.2f} {speeds['rows_s']:>22.0f} {speeds['ratio']:>7.3f}"
            f" {speeds['cpu_ms']:>14.2f} {speeds['extra_cpu_ms']:>7.2f}   {'yes' if good else 'no'}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--proxies", nargs="*", default=list(PROXIES), choices=PROXIES)
    parser.add_argument("--artifact", type=Path)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    texts = sample_texts()
    folder = Path(tempfile.mkdtemp(prefix="mqh"))
    try:
        artifact = asked.artifact.resolve() if asked.artifact else package(folder, texts)
        with Stacks(folder, artifact, asked.beside and asked.beside.resolve(), asked.proxies) as place:
            figures = measure(place, texts, asked.seconds, asked.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(figures))
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
