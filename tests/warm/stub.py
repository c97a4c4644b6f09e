"""Stands for a trainer that `server.py` has forked: `python -I -S stub.py SOCKET LAUNCH ORDER`. It passes on its streams, its
environment and signals, ends as the trainer ends, and the trainer ends with it. To whoever started it, it is what bubblewrap is:
it tells the trainer's number to the descriptor of the order's `info`."""

import json
import os
import signal
import socket
import sys
from contextlib import suppress

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main() -> None:
    sys.path.insert(0, os.path.dirname(sys.argv[2]))
    from launch import die_with

    order = json.loads(sys.argv[3])
    die_with(order["parent"])
    waiting: list[int] = []
    for number in PASSED_ON:
        signal.signal(number, lambda number, _frame: waiting.append(number))
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.connect(sys.argv[1])
    content = json.dumps({"order": order, "environment": dict(os.environ)}).encode()
    socket.send_fds(server, [len(content).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(content)
    answers = server.makefile("r")
    pid = json.loads(answers.readline())["pid"]
    for number in PASSED_ON:
        signal.signal(number, lambda number, _frame: tell(pid, number))
    for number in waiting:
        tell(pid, number)
    if order["info"] is not None:
        os.write(order["info"], json.dumps({"child-pid": pid}).encode())
        os.close(order["info"])
    for stream in (0, 1):
        os.close(stream)
    code = json.loads(answers.readline())["code"]
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code)


def tell(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    main()
