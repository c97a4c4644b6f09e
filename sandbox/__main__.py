"""`python -m sandbox --read FOLDER … -- COMMAND …`: becomes a command that is confined by Landlock and seccomp for as long as it
runs, as servers are; what MAQUETTE_SANDBOX says counts here too. Commands that come and go are confined by bubblewrap where it
is (`sandbox.modes`); a server keeps its signals and its place among the supervisor's processes."""

import argparse
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sandbox import modes
from sandbox.policy import Policy

DNS, HTTPS = 53, 443
REDIS_PORT = 6379


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    setting = os.environ.get("MAQUETTE_SANDBOX", "").strip().lower() or "auto"
    temporary = options.scratch
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True, mode=0o700)
    for folder in options.read:
        with suppress(OSError):  # not this server's to make: it is there, or will not be
            folder.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = os.environ["HOME"] = str(temporary)
    policy = Policy(
        readable=(*options.code, *options.read),
        writable=(temporary,),
        ports=ports(),
        listens=tuple(options.listen),
        sockets=sockets(),
        hidden=tuple(options.hide),
    )
    mode = choose(setting, policy)
    program, *rest = options.command[options.command[:1] == ["--"] :]
    command = [shutil.which(program) or program, *rest]
    words = modes.command(mode, policy, command, code_folder(temporary, options.code), parent=os.getppid())
    os.execv(words[0], words)  # noqa: S606  no shell is wanted


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="python -m sandbox", description="Run a server confined.")
    root.add_argument("--code", type=Path, action="append", default=[], help="a package that it imports; repeatable")
    root.add_argument("--read", type=Path, action="append", default=[], help="a folder that it reads; repeatable")
    root.add_argument("--hide", type=Path, action="append", default=[], help="a folder that nothing given may hold")
    root.add_argument("--listen", type=int, action="append", default=[], help="a TCP port that it opens; repeatable")
    root.add_argument("--scratch", type=Path, required=True, help="its own folder of temporary files, emptied first")
    root.add_argument("command", nargs=argparse.REMAINDER)
    return root


def choose(setting: str, policy: Policy) -> modes.Mode:
    """Landlock or nothing. Ends the process where it is required and does not work."""
    if setting == "off":
        return "off"
    probe = modes.probe("landlock", policy.hidden)
    if probe.works:
        return "landlock"
    sys.stderr.write(f"WARNING: this server is not confined: {probe.reason}\n")
    if setting != "auto":
        sys.exit(f"ERROR: MAQUETTE_SANDBOX={setting}")
    return "off"


def code_folder(temporary: Path, packages: list[Path]) -> Path:
    """A folder that leads to the packages and to nothing that lies beside them."""
    folder = temporary / "code"
    folder.mkdir()
    for package in packages:
        (folder / package.name).symlink_to(package.resolve())
    return folder


def ports() -> tuple[int, ...]:
    """To Redis, and to where faults are told."""
    redis = urlsplit(os.environ.get("REDIS_URL", ""))
    faults = urlsplit(os.environ.get("SENTRY_DSN", ""))
    wanted = {DNS} if redis.hostname or faults.hostname else set()
    if redis.scheme != "unix":
        wanted.add(redis.port or REDIS_PORT)
    if faults.hostname:
        wanted.add(faults.port or HTTPS)
    return tuple(sorted(wanted))


def sockets() -> tuple[Path, ...]:
    """The folder of Redis's socket, which is another one after Redis was started again."""
    redis = urlsplit(os.environ.get("REDIS_URL", ""))
    return (Path(unquote(redis.path)).parent,) if redis.scheme == "unix" else ()


if __name__ == "__main__":
    main()
