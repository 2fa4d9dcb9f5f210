# SPDX-License-Identifier: Apache-2.0
"""The first process of the domain's namespaces: makes them look like a network, then buries orphans.

Run as a script by ad_space.py inside fresh user, network, mount and process namespaces, where it is root and pid 1.
When it ends, however, the kernel kills everything in there.

    ad_inside.py init ADDRESSES BINDS...     ADDRESSES 10.77.0.21,10.77.0.22; BINDS source=target, or tmpfs=target
    ad_inside.py wait SECONDS ADDRESS:PORT...  until each can be connected to
"""
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import time

MS_BIND, MS_NOSUID, MS_NODEV = 4096, 2, 4
SIOCSIFFLAGS, SIOCGIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP = 0x8914, 0x8913, 0x8916, 0x891C, 1


def init(addresses, binds):
    """Set up, say so, reap until killed."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for bind in binds:
        source, _, target = bind.partition("=")
        mount(source, target)
    network(addresses)
    os.chdir("/")
    print("namespace ready", flush=True)
    while True:
        signal.sigwait({signal.SIGCHLD})
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


def mount(source, target):
    """A fresh tmpfs, or one path over another. The host does not see it: the mount namespace is private."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not os.path.isfile(source):
        os.makedirs(target, exist_ok=True)
    kind, flags = (b"tmpfs", MS_NOSUID | MS_NODEV) if source == "tmpfs" else (None, MS_BIND)
    data = b"mode=0755" if source == "tmpfs" else None
    if libc.mount(source.encode(), target.encode(), kind, ctypes.c_ulong(flags), data) != 0:
        sys.exit(f"cannot mount {source} on {target}: {os.strerror(ctypes.get_errno())}")


def network(addresses):
    """Bring the loopback device up and give it the addresses; Samba does not serve on 127.0.0.0/8."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.unpack_from("16sh", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0)))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
        for number, address in enumerate(addresses, 1):
            name = f"lo:{number}".encode()
            for request, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, "255.255.255.0")):
                packed = struct.pack("=16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(control, request, packed)


def wait(seconds, places):
    """Connect to each place until it accepts; the caller learns of a dead server from elsewhere."""
    deadline = time.monotonic() + seconds
    for place in places:
        host, _, port = place.rpartition(":")
        while True:
            try:
                socket.create_connection((host, int(port)), 1).close()
                break
            except OSError as problem:
                if time.monotonic() > deadline:
                    sys.exit(f"{place}: {problem}")
                time.sleep(0.002)


if __name__ == "__main__":
    if sys.argv[1] == "init":
        init(sys.argv[2].split(","), sys.argv[3:])
    else:
        wait(float(sys.argv[2]), sys.argv[3:])
