"""What code of a stranger's would try from inside a trainer: run by the launcher that runs the trainer. Reads {name: [what,
arguments]} from its first argument and prints, as an event, what each attempt came to: `refused`, or what it was given."""

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PTRACE_ATTACH = 16


def read(path: str) -> str:
    return repr(Path(path).read_bytes()[:40])


def listed(path: str) -> str:
    return repr(sorted(os.listdir(path))[:20])


def write(path: str) -> str:
    Path(path).write_text("changed")
    return "written"


def link(path: str, target: str) -> str:
    os.symlink(target, path)
    return "linked"


def hard_link(path: str, target: str) -> str:
    os.link(target, path)
    return "linked"


def tcp(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        return "connected"


def tcp_to(host: str, port: int) -> str:
    with socket.create_connection((host, port), timeout=2):
        return "connected"


def talk() -> str:
    """To itself, at a port of the kernel's choice."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        tcp(server.getsockname()[1])
    return "talked"


def listen(port: int) -> str:
    with socket.create_server(("127.0.0.1", port)):
        return "listening"


def udp(port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", ("127.0.0.1", port))
        return "sent"


def unix(path: str) -> str:
    """A socket with a name of its own where the path begins with @."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(2)
        caller.connect("\0" + path[1:] if path.startswith("@") else path)
        return "connected"


def datagram(path: str) -> str:
    """By a pair, since making a pair is allowed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        ours.sendto(b"hello", path)
        return "sent"


def signal(pid: int) -> str:
    os.kill(pid, 0)
    return "may be signalled"


def attach(pid: int) -> str:
    return called("ptrace", PTRACE_ATTACH, pid, 0, 0)


def namespace() -> str:
    return called("unshare", CLONE_NEWUSER)


def called(name: str, *arguments: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
    return "done"


def environment() -> str:
    return json.dumps(dict(os.environ))


def status() -> str:
    lines = (line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    fields = {name: value.strip() for name, value in lines}
    return json.dumps({name: fields[name] for name in ("CapEff", "CapPrm", "NoNewPrivs", "Seccomp")})


def limits() -> str:
    import resource

    score = Path("/proc/self/oom_score_adj").read_text().strip()
    kinds = {"core": resource.RLIMIT_CORE, "files": resource.RLIMIT_NOFILE, "size": resource.RLIMIT_FSIZE}
    return json.dumps({name: resource.getrlimit(kind)[0] for name, kind in kinds.items()} | {"oom_score": int(score)})


ATTEMPTS: dict[str, Callable[..., str]] = {
    attempt.__name__: attempt
    for attempt in (
        read, listed, write, listen, link, hard_link, tcp, tcp_to, talk, udp, unix, datagram, signal, attach, namespace, environment, status, limits,
    )
}  # fmt: skip


def main() -> None:
    came_to = {}
    for name, (what, *arguments) in json.loads(sys.argv[1]).items():
        try:
            came_to[name] = ATTEMPTS[what](*arguments)
        except OSError as error:
            came_to[name] = "refused"
            came_to[f"{name}: why"] = str(error)
    print(json.dumps({"type": "result", "came_to": came_to}))


if __name__ == "__main__":
    main()
