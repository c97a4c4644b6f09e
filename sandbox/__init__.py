"""Starts a program that can reach nothing but what it is given: its folders, no network, no secrets of its parent, a bounded
share of the machine.

`policy` says what a program may reach, `modes` which means this machine has (bubblewrap, else Landlock; seccomp with either),
`seccomp` which system calls are refused, and `launch` is the small program that binds itself and becomes the one that was
meant. Imports the standard library and the bindings of the kernel's means only, so that all three worlds may use it.
"""
