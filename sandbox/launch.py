"""Binds itself by an order and becomes the program that the order names. Run as a file, `python -I -S launch.py ORDER`, so
that it starts in milliseconds; `sandbox.modes.command` writes the order, a JSON object:

    mode        bubblewrap, landlock or off
    command     the program and its arguments; `folder`: where it starts
    readable, runnable, writable, devices   paths; what is runnable can be read too
    ports, listens                          TCP ports to connect to (null: no network) and to listen on
    filter      the system calls that are refused, base64 (`sandbox.seccomp`)
    loopback    whether it gets a network of its own, and then `loopback_filter` in place of `filter`
    limits      {name: value} of resource limits; oom_score: how far it is raised
    parent      the process with which it ends; libraries: where py_landlock is
    bwrap, info bubblewrap's binary, and the descriptor to which it tells the program's number
"""

import base64
import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from typing import Any

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION, LAST_CAPABILITY = 0x20080522, 63
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
PLAIN_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
"""bubblewrap makes these itself."""
BYTES_OF_RULE = 8  # struct sock_filter
Order = dict[str, Any]


class FilterProgram(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("rules", ctypes.c_char_p))


class CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def main() -> None:
    order = json.loads(sys.argv[1])
    if sys.platform == "linux":
        die_with(order["parent"])
        raise_oom_score(order["oom_score"])
    for name, value in order["limits"].items():
        limit(getattr(resource, f"RLIMIT_{name}", None), value)
    os.chdir(order["folder"])
    command = order["command"]
    if order["loopback"] and (order["mode"] == "bubblewrap" or (order["mode"] == "landlock" and own_network())):
        order["filter"] = order["loopback_filter"]
    else:
        order["loopback"] = False
    if order["mode"] == "bubblewrap":
        command = bubblewrap(order)
    elif order["mode"] == "landlock":
        landlock(order)
        drop_capabilities()
        load_filter(base64.b64decode(order["filter"]))
    elif sys.platform == "linux" and os.geteuid():
        drop_capabilities()
    os.execv(command[0], command)  # noqa: S606  no shell is wanted


def prctl(*arguments: int) -> None:
    """Raises `OSError`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(*map(ctypes.c_ulong, arguments)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with(parent: int) -> None:
    """The kernel ends this process with the thread that started it, however that ends."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it has ended already


def raise_oom_score(by: int) -> None:
    if by:
        with open("/proc/self/oom_score_adj", "r+") as file:
            score = min(int(file.read()) + by, 1000)
            file.seek(0)
            file.write(str(score))


def limit(kind: int | None, value: int) -> None:
    """At most `value`, and no more than this process may."""
    if kind is None:
        return
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


# bubblewrap: namespaces of its own


def bubblewrap(order: Order) -> list[str]:
    """The command that puts the program into namespaces of its own, where nothing exists but what it was given."""
    arguments = [
        "--unshare-all",
        "--die-with-parent",
        "--as-pid-1",
        "--cap-drop",
        "ALL",
        *mounts(order),
        "--chdir",
        order["folder"],
    ]
    if order["ports"] is not None or order["listens"]:
        arguments.append("--share-net")
    if order["filter"]:
        arguments += ["--seccomp", str(in_memory(base64.b64decode(order["filter"])))]
    if order["info"] is not None:
        arguments += ["--info-fd", str(order["info"])]
    return [order["bwrap"], *arguments, "--", *order["command"]]


def mounts(order: Order) -> list[str]:
    """The program's file system: links before what is mounted, and nothing to be written at its root."""
    given = order["runnable"] + order["readable"]
    links = [word for path in given if os.path.islink(path) for word in ("--symlink", os.path.realpath(path), path)]
    folders = [word for path in given if not os.path.islink(path) for word in ("--ro-bind", path, path)]
    devices = [word for path in order["devices"] if path not in PLAIN_DEVICES for word in ("--dev-bind", path, path)]
    writable = [word for path in order["writable"] for word in ("--bind", path, path)]
    fresh = ["--proc", "/proc", "--dev", "/dev", "--dir", "/tmp"]  # noqa: S108  a new one, that stays empty
    return [*fresh, *links, *folders, *devices, *writable, "--remount-ro", "/"]


def in_memory(content: bytes) -> int:
    """A descriptor, for the program that this one becomes, from which `content` can be read."""
    handle = os.memfd_create("filter", 0)
    os.write(handle, content)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


# Landlock: in the machine's own namespaces


def landlock(order: Order) -> None:
    """Forbid every file but those that were given, TCP but to the given ports, signals to others and what they keep in /proc.
    The means of the kernel's that is older than one of these leaves that one out; `sandbox.modes` says which."""
    sys.path += order["libraries"]
    from py_landlock import AccessFs, AccessNet, Landlock

    read = AccessFs.READ_FILE | AccessFs.READ_DIR
    special = AccessFs.MAKE_CHAR | AccessFs.MAKE_BLOCK | AccessFs.MAKE_SOCK | AccessFs.MAKE_FIFO
    links = AccessFs.MAKE_SYM if order["links"] else AccessFs(0)
    write = ~(special | AccessFs.EXECUTE | AccessFs.IOCTL_DEV | AccessFs.MAKE_SYM) | links
    of_files = AccessFs.EXECUTE | AccessFs.WRITE_FILE | AccessFs.READ_FILE | AccessFs.TRUNCATE | AccessFs.IOCTL_DEV
    rules = Landlock(strict=False)

    def allow(paths: list[str], access: AccessFs) -> None:
        for path in paths:
            rules.add_path_rule(path, access=access if os.path.isdir(path) else access & of_files)

    allow(order["runnable"], read | AccessFs.EXECUTE)
    allow(order["readable"] + pinned(order["proc"]), read)
    allow(order["writable"], write)
    allow(order["devices"], read | AccessFs.WRITE_FILE | AccessFs.IOCTL_DEV)
    if order["ports"]:
        rules.add_net_rule(*order["ports"], access=AccessNet.CONNECT_TCP)
    if order["listens"]:
        rules.add_net_rule(*order["listens"], access=AccessNet.BIND_TCP)
    if order["loopback"]:
        rules.allow_all_network()  # there is none but its own
    rules.apply()


def own_network() -> bool:
    """Move into a network of its own, whose loopback is up; False where the machine allows nobody to."""
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) and libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        return False
    try:
        if os.geteuid() != user:  # a user namespace, in which nobody is anybody yet
            for name, line in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(line)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            request = struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING)
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)
    except OSError:
        return False
    return True


def pinned(names: list[str]) -> list[str]:
    """What there is of /proc for it. Held open from here on: the kernel forgets entries of /proc that nobody holds, and with
    them what was allowed."""
    paths = [f"/proc/{os.getpid()}", *(path for name in names if os.path.exists(path := f"/proc/{name}"))]
    for path in paths:
        os.set_inheritable(os.open(path, os.O_PATH), True)
    return paths


def drop_capabilities() -> None:
    """Root without its rights is a user like others."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
    none = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, in two halves
    if libc.capset(ctypes.byref(CapabilityHeader(CAPABILITY_VERSION, 0)), none):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def load_filter(rules: bytes) -> None:
    if not rules:
        return
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    filters = FilterProgram(len(rules) // BYTES_OF_RULE, rules)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(filters), 0, 0)


if __name__ == "__main__":
    main()
