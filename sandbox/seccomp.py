"""Which system calls a confined program is refused, as a filter of the kernel's (through libseccomp)."""

import errno
import os
import tempfile
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyseccomp

NEW_NAMESPACES = 0x7E020000
"""CLONE_NEW…: user, mount, process, network, cgroup, host name and IPC namespaces."""
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
FAMILIES = 64
"""More than the kernel has kinds of sockets."""
SOCK_DGRAM, SOCK_RAW, SOCKET_TYPES = 2, 3, 0xF
TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: typing into somebody else's terminal."""

KERNEL = """
acct add_key adjtimex bpf chroot clock_adjtime clock_settime create_module delete_module fanotify_init finit_module fsconfig
fsmount fsopen fspick init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load
keyctl lookup_dcookie mount mount_setattr move_mount name_to_handle_at nfsservctl open_by_handle_at open_tree
perf_event_open pidfd_getfd pivot_root process_madvise process_vm_readv process_vm_writev ptrace quotactl quotactl_fd reboot
request_key setdomainname sethostname setns settimeofday stime swapoff swapon sysfs syslog umount umount2 unshare uselib
userfaultfd ustat vhangup vm86 vm86old
"""
"""What no program that computes asks for: the machine's, other processes', and what has often had holes."""
LINKS = ("symlink", "symlinkat", "mknod", "mknodat")
"""A link that leads out of a folder would be followed by the site, which reads what was written there."""
SOCKETS = ("socket", "connect", "bind", "listen", "accept", "accept4")


@lru_cache(maxsize=8)
def program(network: bool, links: bool, unix: bool = False, udp: bool = True) -> bytes:
    """The filter as the kernel takes it (`struct sock_filter`s). `network`: internet sockets; `links`: links in folders;
    `unix`: Unix sockets too; `udp`: datagrams. Raises `RuntimeError` where there is no libseccomp."""
    import pyseccomp

    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.ERRNO(errno.ENOSYS))
    refused = pyseccomp.ERRNO(errno.EPERM)

    def refuse(name: str, *arguments: "pyseccomp.Arg", action: int = refused) -> None:
        try:
            rules.add_rule(action, name, *arguments)
        except (OSError, ValueError):
            return  # this processor, or this libseccomp, does not know the call: it cannot be made by its name

    for name in (*KERNEL.split(), *(() if links else LINKS)):
        refuse(name)
    for bit in (1 << number for number in range(32) if NEW_NAMESPACES >> number & 1):
        refuse("clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, bit, bit))
    refuse("clone3", action=pyseccomp.ERRNO(errno.ENOSYS))  # its flags cannot be looked at; libraries then use clone
    for request in TERMINAL_INPUT:
        refuse("ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, request))
    for kind in (SOCK_DGRAM, SOCK_RAW):  # these could be sent to any address
        refuse("socketpair", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, SOCKET_TYPES, kind))
    if not network:
        for name in SOCKETS:
            refuse(name)
        return exported(rules)
    for arguments in refused_sockets(unix, udp):
        refuse("socket", *arguments)
    return exported(rules)


def refused_sockets(unix: bool, udp: bool) -> "list[list[pyseccomp.Arg]]":
    """The arguments of `socket` that a program with a network is refused: other families, and datagrams."""
    import pyseccomp

    allowed = {AF_INET, AF_INET6, AF_NETLINK} | ({AF_UNIX} if unix else set())
    families = [[pyseccomp.Arg(0, pyseccomp.EQ, family)] for family in set(range(FAMILIES)) - allowed]
    datagrams = pyseccomp.Arg(1, pyseccomp.MASKED_EQ, SOCKET_TYPES, SOCK_DGRAM)
    inet = [[pyseccomp.Arg(0, pyseccomp.EQ, family), datagrams] for family in (AF_INET, AF_INET6)]
    return families if udp else families + inet


def exported(rules: "pyseccomp.SyscallFilter") -> bytes:
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        return os.pread(file.fileno(), 1 << 20, 0)
