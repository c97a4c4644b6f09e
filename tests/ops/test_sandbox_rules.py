"""What a confined program may do, told by the rules themselves: the filter of system calls is run here, call by call."""

import json
import os
import struct
import sys
from pathlib import Path

import pyseccomp
import pytest

from sandbox import modes, seccomp
from sandbox.modes import NotConfined, choose, command, confinement, gaps, outermost
from sandbox.policy import Policy, existing, python_paths, system_paths

ALLOWED, REFUSED, UNKNOWN = "allowed", 1, 38
"""What a call gets: it is made, or an error, EPERM or ENOSYS."""
INET, INET6, UNIX, NETLINK, PACKET, VSOCK = 2, 10, 1, 16, 17, 40
STREAM, DATAGRAM, RAW, CLOEXEC = 1, 2, 3, 0o2000000
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[os.uname().machine]


def outcome(rules: bytes, name: str, *arguments: int, architecture: int = ARCHITECTURE) -> object:
    """What the kernel would do with a call: a machine of classic BPF over `struct seccomp_data`."""
    number = pyseccomp.resolve_syscall(pyseccomp.system_arch(), name)
    data = struct.pack("<iIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    place = held = 0
    while True:
        code, yes, no, constant = struct.unpack_from("<HBBI", rules, 8 * place)
        place += 1
        if code == 0x20:  # load a word of the call
            held = struct.unpack_from("<I", data, constant)[0]
        elif code == 0x54:  # and
            held &= constant
        elif code == 0x05:  # jump
            place += constant
        elif code == 0x06:  # return
            return ALLOWED if constant == 0x7FFF0000 else constant & 0xFFFF
        else:
            passes = {
                0x15: held == constant,
                0x25: held > constant,
                0x35: held >= constant,
                0x45: bool(held & constant),
            }
            place += yes if passes[code] else no


NOTHING = seccomp.program(False, False)
NETWORK = seccomp.program(True, True)
SOCKETS = seccomp.program(True, True, unix=True)
QUIET = seccomp.program(True, False, udp=False)
EVERY = pytest.mark.parametrize(
    "rules", [NOTHING, NETWORK, SOCKETS, QUIET], ids=["nothing", "network", "sockets", "quiet"]
)


@EVERY
@pytest.mark.parametrize(
    "name", ["read", "write", "openat", "mmap", "futex", "execve", "exit_group", "getrandom", "kill", "prctl"]
)
def test_what_every_program_needs_is_allowed(rules: bytes, name: str) -> None:
    assert outcome(rules, name) == ALLOWED


@EVERY
@pytest.mark.parametrize(
    "name",
    [
        "mount",
        "ptrace",
        "bpf",
        "setns",
        "unshare",
        "reboot",
        "keyctl",
        "process_vm_readv",
        "io_uring_setup",
        "init_module",
    ],
)
def test_what_no_program_that_computes_asks_for_is_refused(rules: bytes, name: str) -> None:
    assert outcome(rules, name) == REFUSED


@EVERY
@pytest.mark.parametrize("flag", [0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000])
def test_no_namespace_is_made_and_threads_are(rules: bytes, flag: int) -> None:
    assert outcome(rules, "clone", flag | 0x11) == REFUSED
    assert outcome(rules, "clone", 0x003D0F00) == ALLOWED, "the flags of a thread"
    assert outcome(rules, "clone3") == UNKNOWN, "libraries then use clone"


@EVERY
def test_nobody_types_into_a_terminal(rules: bytes) -> None:
    assert [outcome(rules, "ioctl", 0, request) for request in (0x5412, 0x541C, 0x5401)] == [REFUSED, REFUSED, ALLOWED]
    assert outcome(rules, "ioctl", 0, 0x5412 | 1 << 40) == REFUSED, "the kernel looks at 32 bits of it"


@EVERY
def test_a_pair_of_sockets_is_a_stream(rules: bytes) -> None:
    kinds = (STREAM, STREAM | CLOEXEC, DATAGRAM, RAW, DATAGRAM | CLOEXEC)
    assert [outcome(rules, "socketpair", UNIX, kind) for kind in kinds] == [ALLOWED, ALLOWED, REFUSED, REFUSED, REFUSED]


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        (NOTHING, set()),
        (NETWORK, {(INET, STREAM), (INET6, STREAM), (INET, DATAGRAM), (INET6, DATAGRAM), (NETLINK, RAW)}),
        (
            SOCKETS,
            {(INET, STREAM), (INET6, STREAM), (INET, DATAGRAM), (INET6, DATAGRAM), (NETLINK, RAW), (UNIX, STREAM)},
        ),
        (QUIET, {(INET, STREAM), (INET6, STREAM), (NETLINK, RAW)}),
    ],
    ids=["nothing", "network", "sockets", "quiet"],
)
def test_sockets_by_family_and_kind(rules: bytes, allowed: set[tuple[int, int]]) -> None:
    tried = [
        (INET, STREAM),
        (INET6, STREAM),
        (INET, DATAGRAM),
        (INET6, DATAGRAM),
        (NETLINK, RAW),
        (UNIX, STREAM),
        (PACKET, RAW),
        (VSOCK, STREAM),
    ]
    assert {pair for pair in tried if outcome(rules, "socket", *pair) == ALLOWED} == allowed
    assert outcome(rules, "socket", INET, DATAGRAM | CLOEXEC) == (ALLOWED if (INET, DATAGRAM) in allowed else REFUSED)


@pytest.mark.parametrize("name", ["connect", "bind", "listen", "accept4"])
def test_without_a_network_no_socket_is_used_either(name: str) -> None:
    assert outcome(NOTHING, name) == REFUSED
    assert outcome(NETWORK, name) == ALLOWED


@pytest.mark.parametrize("name", ["symlinkat", "mknodat"])
def test_links_are_made_only_where_they_may(name: str) -> None:
    assert [outcome(rules, name) for rules in (NOTHING, QUIET, NETWORK)] == [REFUSED, REFUSED, ALLOWED]


def test_calls_of_another_processor_are_unknown() -> None:
    assert outcome(NETWORK, "read", architecture=0x40000003) == UNKNOWN


# Folders


def test_of_folders_in_folders_the_outermost_is_given(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a2").mkdir()
    paths = [str(path) for path in (inner, tmp_path / "a", tmp_path / "a2")]
    assert outermost(paths) == paths[1:], "a2 begins like a and lies in none"
    assert outermost(paths, [str(tmp_path)]) == []


def test_what_is_not_there_is_left_out_and_a_link_comes_with_its_end(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = existing([tmp_path / "link", tmp_path / "gone", str(tmp_path / "real"), tmp_path / "link"])
    assert found == [str(tmp_path / "link"), str((tmp_path / "real").resolve())]


def test_python_comes_along_without_what_holds_the_data() -> None:
    everything = python_paths()
    assert sys.prefix in everything
    kept = python_paths(without=[Path(sys.prefix) / "lib"])
    assert sys.prefix not in kept
    assert "/etc/shadow" not in system_paths()


def test_data_in_a_folder_that_every_program_reads_is_refused() -> None:
    with pytest.raises(RuntimeError, match="which every program may read"):
        confinement(Policy(hidden=(Path("/usr/share"),)))


def test_an_order_says_what_is_reached_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    policy = Policy(
        readable=(tmp_path / "in", tmp_path / "gone"), writable=(tmp_path,), limits={"AS": 5}, oom_score=300
    )
    order = json.loads(command("landlock", policy, ["/proc/self/exe", "-c", "pass"], tmp_path, parent=7)[-1])
    assert (order["readable"], order["writable"]) == ([str(tmp_path / "in")], [str(tmp_path)])
    assert (order["ports"], order["links"], order["limits"], order["oom_score"], order["parent"]) == (
        None,
        False,
        {"AS": 5},
        300,
        7,
    )
    assert order["command"] == [sys.executable, "-c", "pass"]
    assert not any(path.startswith("/etc/ssl") for path in order["readable"])


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (Policy(), False),
        (Policy(ports=()), True),
        (Policy(listens=(80,)), True),
        (Policy(sockets=(Path("/x"),)), True),
        (Policy(loopback=True), False),
    ],
)
def test_a_network_is_ports_or_sockets(policy: Policy, says: bool) -> None:
    assert policy.has_network == says


def test_a_mode_that_there_is_not_is_refused_and_off_is_off() -> None:
    assert choose("off") == "off"
    with pytest.raises(NotConfined, match="no mode “docker”"):
        choose("docker")
    assert gaps("off") == ["a trainer reads, writes and reaches whatever the site's user may"]
    assert gaps("bubblewrap") == []


def test_require_is_the_best_mode_that_works() -> None:
    works = [mode for mode in modes.PREFERRED if modes.probe(mode).works]
    if not works:
        with pytest.raises(NotConfined):
            choose("require")
    else:
        assert choose("require") == choose("auto") == works[0]
