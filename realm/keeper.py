# SPDX-License-Identifier: Apache-2.0
"""The keeper: the small process that owns a realm's daemons, so that none outlives the realm.

Run as a script, by process.py only. It is the daemons' parent, adopts whatever they leave behind (child
subreaper), and kills the lot when the process that holds the realm closes the pipe or is gone, however it
went. Should the keeper itself be killed, the parent-death signal takes the daemons along, and winbindd's
children end at the end-of-file from their parent.

Why not the holder itself: the parent-death signal fires when the *thread* that started a child ends, so a
realm opened in a worker thread would lose its daemons; and it is not inherited by grandchildren.

Messages are a 4-byte length and a marshal value, since importing json would double the time to start.
"""
import ctypes
import errno
import marshal
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


class Keeper:
    """Starts, watches and ends daemons on behalf of the holder."""

    def __init__(self, holder):
        self.holder = holder
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.names = {}  # pid -> name of the part
        self.outputs = {}  # output pipe -> [log file, line that means ready or None, tail of output, name]
        self.inbox = b""

    def run(self):
        """Serve until the holder is gone; returns when nothing is left alive."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        patience = None
        try:
            holder_fd = os.pidfd_open(self.holder)
            poll.register(holder_fd, select.POLLIN)
        except OSError:
            holder_fd, patience = -1, 100  # no pidfd here: look at the parent's id ten times a second
        try:
            while os.getppid() == self.holder:
                known = set(self.outputs)
                for fd, _ in poll.poll(patience):
                    if fd == holder_fd:
                        return
                    if fd == 0 and not self.read_requests():
                        return
                    if fd == wake_read:
                        os.read(wake_read, 4096)
                        self.reap()
                    if fd in self.outputs and not self.drain(fd):
                        poll.unregister(fd)
                for fd in set(self.outputs) - known:
                    poll.register(fd, select.POLLIN)
        finally:
            self.end_all()

    def read_requests(self):
        data = os.read(0, 65536)
        self.inbox += data
        while len(self.inbox) >= 4:
            size = int.from_bytes(self.inbox[:4], "little")
            if len(self.inbox) < 4 + size:
                break
            request = marshal.loads(self.inbox[4:4 + size])
            self.inbox = self.inbox[4 + size:]
            if request["do"] == "start":
                self.start(request)
            elif request["do"] == "end":
                return False  # said aloud, since a fork of the holder may still hold the pipe open
            else:  # "report": everything known so far, then the mark
                self.reap()
                self.tell({"event": "reported"})
        return bool(data)

    def tell(self, message):
        data = marshal.dumps(message)
        data = len(data).to_bytes(4, "little") + data
        try:
            while data:
                data = data[os.write(1, data):]
        except OSError:
            pass  # the holder went; the main loop sees it too

    def start(self, request):
        read_end, write_end = os.pipe()
        own = os.getpid()
        pid = os.fork()
        if pid == 0:
            self.become(request, write_end, own)
        os.close(write_end)
        os.set_blocking(read_end, False)
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.names[pid] = request["name"]
        self.outputs[read_end] = [log, request["ready"], b"", request["name"]]
        self.tell({"event": "started", "name": request["name"], "pid": pid})

    def become(self, request, output, keeper):
        """In the child: turn into the daemon. Never returns."""
        try:
            os.setsid()
            self.libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != keeper:
                os._exit(125)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            nothing = os.open("/dev/null", os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(request["folder"])
            os.execve(request["argv"][0], request["argv"], request["environment"])
        except BaseException as problem:
            os.write(2, f"cannot run {request['argv'][0]}: {problem}\n".encode())
        os._exit(126)

    def drain(self, fd):
        """Copy output to the log, always, so that no daemon ever blocks on a full pipe."""
        log, ready, tail, name = self.outputs[fd]
        try:
            data = os.read(fd, 65536)
        except OSError as problem:
            if problem.errno == errno.EAGAIN:
                return True
            data = b""
        if not data:
            os.close(fd)
            os.close(log)
            del self.outputs[fd]
            return False
        os.write(log, data)
        if ready is not None:
            tail = tail[-200:] + data
            if ready in tail:
                ready, tail = None, b""
                self.tell({"event": "ready", "name": name})
            self.outputs[fd] = [log, ready, tail, name]
        return True

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self.names:
                for fd in [fd for fd in self.outputs if self.outputs[fd][3] == self.names[pid]]:
                    self.drain(fd)  # its last words, before the news of its end
                self.kill_group(pid)
                self.tell({"event": "ended", "name": self.names.pop(pid), "pid": pid,
                           "code": os.waitstatus_to_exitcode(status)})

    @staticmethod
    def kill_group(pid):
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass

    def end_all(self):
        """Kill every daemon with its group, then whatever was adopted, until there is no child left."""
        for pid in self.names:
            self.kill_group(pid)
        while True:
            for pid in children_of(os.getpid()):
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def children_of(parent):
    """The pids whose parent is `parent`, read from /proc."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(entry))
    return found


def main():
    holder, *kept = (int(word) for word in sys.argv[1:])
    for fd in kept:  # held open so that the folder's lock ends with the last of holder and keeper
        os.set_inheritable(fd, False)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the holder decides; its end is the one reason to stop
    Keeper(holder).run()


if __name__ == "__main__":
    main()
