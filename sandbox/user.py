"""`python -m sandbox.user UID:GID -- COMMAND …`: becomes COMMAND as that user, who may still start programs as another one
and end them. For containers: they begin as root with `SETUID`, `SETGID` and `KILL` and nothing else, so that a worker can
give what reads people's files a user of its own (MAQUETTE_TRAINER_UID). Not started as root, it becomes COMMAND as it is."""

import ctypes
import os
import sys

from sandbox.launch import CAPABILITY_VERSION, CapabilityHeader, prctl

PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2
CAP_KILL, CAP_SETUID = 5, 7
KEPT = 1 << CAP_KILL | 1 << CAP_SETUID


def main(arguments: list[str]) -> None:
    ids, dashes, *command = arguments
    if dashes != "--" or not command:
        sys.exit("usage: python -m sandbox.user UID:GID -- COMMAND …")
    if os.geteuid() == 0:
        user, group = map(int, ids.split(":"))
        become(user, group)
    os.execvp(command[0], command)  # noqa: S606  no shell is wanted


def become(user: int, group: int) -> None:
    """Change this process's user and groups for good, and keep what starting and ending another user's programs takes. Raises
    `OSError`, too where root is without these rights."""
    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([group])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    set_capabilities(KEPT)
    for capability in (CAP_KILL, CAP_SETUID):
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def set_capabilities(kept: int) -> None:
    """Effective, permitted and inheritable: these alone."""
    halves = (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.byref(CapabilityHeader(CAPABILITY_VERSION, 0)), halves):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def may_change_user() -> bool:
    """Whether this process can start programs as another user and end them."""
    try:
        with open("/proc/self/status") as file:
            effective = next(line for line in file if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return False
    return int(effective.split()[1], 16) & KEPT == KEPT


if __name__ == "__main__":
    main(sys.argv[1:])
