"""Runs one child process of other people's code, confined as far as this kernel and user allow, and outlives the worker.

Started by path with `python -I -S`, standard library only: nothing of the portal is imported here. The job arrives as
JSON on standard input. Attached, the child writes to our own output and how it ended goes to `status`; detached, we
leave the worker's session, stamp the child's lines into a log of bounded size and write how it ended beside it.
"""

import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime

LOG_BYTES, LOG_FILES, LONGEST_LINE = 10 << 20, 3, 16_000
LOOK = 0.2  # seconds between two looks at the child

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_libc = ctypes.CDLL(None, use_errno=True)


def main():
    if sys.argv[1:] == ["--can-cut-the-network"]:
        cut_the_network()
        return 0
    job = json.loads(sys.stdin.buffer.read())
    if job.get("detach"):
        if os.fork():
            return 0
        os.setsid()
    return Supervisor(job).run()


class Supervisor:
    def __init__(self, job):
        self.job, self.child, self.ended = job, None, None
        self.out_of_memory = self.timed_out = self.stopping = False
        self.log = Log(job["log"]) if job.get("log") else None

    def run(self):
        if not self.job.get("detach"):
            # Thread-wise: the thread of the worker that started us waits for us.
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        # Orphans of the child become ours, so that nothing is left running when it ends.
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self.start()
        except Exception as error:
            return self.finish({"code": 126, "error": f"It could not be started: {error}"})
        self.watch()
        self.sweep()
        code = os.waitstatus_to_exitcode(self.ended)
        return self.finish({"code": code if code >= 0 else 128 - code, "error": ""})

    def start(self):
        job, streams = self.job, {}
        if self.log:
            streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        given = job.get("input")
        child = subprocess.Popen(
            job["argv"], env=job["env"], cwd=job["cwd"], start_new_session=True, preexec_fn=lambda: confine(job),
            stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL, **streams,
        )  # fmt: skip
        self.child = child
        if job.get("pid_file"):
            write(job["pid_file"], {"pid": os.getpid(), "started": started(os.getpid()), "child": child.pid, "at": now()})
        if job.get("detach"):
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
        if given is not None:
            try:
                child.stdin.write(given.encode())
                child.stdin.close()
            except BrokenPipeError:
                pass  # its exit code says why

    def watch(self):
        end = time.monotonic() + self.job["timeout"] if self.job.get("timeout") else None
        output = self.child.stdout.fileno() if self.log else None
        while self.ended is None:
            if output is None:
                time.sleep(LOOK / 4)
            elif not self.copy(output, LOOK):
                output = None
            self.reap()
            if self.ended is None and end and time.monotonic() > end:
                self.timed_out = True
                self.kill()
            limit = self.job["memory"]
            if self.ended is None and memory_of(self.child.pid) > limit and exact_memory_of(self.child.pid) > limit:
                self.out_of_memory = True
                self.kill()
        self.kill()
        while output is not None and self.copy(output, 0.1):
            pass

    def copy(self, output, wait):
        """One piece of the child's output into the log; False at its end, or when nothing came after the child ended."""
        ready, _, _ = select.select([output], [], [], wait)
        if not ready:
            return self.ended is None
        data = os.read(output, 65536)
        self.log.feed(data)
        return bool(data)

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.child.pid:
                self.ended = status
                self.child.returncode = status  # so that Popen does not wait for it again

    def stop(self, *_):
        """SIGTERM to us: a replica may finish its calls; what runs for a build is not wanted any more."""
        if self.child is None:
            os._exit(143)
        if self.job.get("detach"):
            self.kill(signal.SIGTERM)
        else:
            self.kill()

    def kill(self, number=signal.SIGKILL):
        try:
            os.killpg(self.child.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def sweep(self):
        """Whatever left the child's group is our child by now; it ends with the child."""
        for _ in range(50):
            children = children_of(os.getpid())
            if not children:
                return
            for pid in children:
                try:
                    os.kill(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass
            time.sleep(0.02)
            self.reap()

    def finish(self, how):
        how.update(out_of_memory=self.out_of_memory, timed_out=self.timed_out, at=now())
        if self.log:
            self.log.close()
        if self.job.get("exit_file"):
            write(self.job["exit_file"], how)
        if self.job.get("status") is not None:
            os.write(self.job["status"], json.dumps(how).encode())
        return 0


class Log:
    """`<moment> <line>` in files of bounded size: log, log.1, log.2."""

    def __init__(self, path):
        self.path, self.rest = path, b""
        self.open()

    def open(self):
        self.file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.size = os.fstat(self.file).st_size

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        while len(self.rest) > LONGEST_LINE:
            lines.append(self.rest[:LONGEST_LINE])
            self.rest = self.rest[LONGEST_LINE:]
        stamp = now().encode()
        if lines:
            self.write(b"".join(stamp + b" " + line[:LONGEST_LINE] + b"\n" for line in lines))

    def write(self, data):
        try:
            self.size += os.write(self.file, data)
            if self.size > LOG_BYTES:
                for number in range(LOG_FILES - 1, 0, -1):
                    older = f"{self.path}.{number - 1}" if number > 1 else self.path
                    if os.path.exists(older):
                        os.replace(older, f"{self.path}.{number}")
                os.close(self.file)
                self.open()
        except OSError:
            pass  # a full disk must not end a replica; the lines are lost

    def close(self):
        if self.rest:
            self.feed(b"\n")


def confine(job):
    """In the child, before its program starts. Whatever fails here fails the start: nothing runs less confined than said."""
    if not job["network"]:
        cut_the_network()
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: 4096, resource.RLIMIT_FSIZE: job["file_size"]}
    # Address space would be too strict for numpy and its threads, so the data segment is bounded generously and
    # the supervisor counts the memory that is really in use.
    limits[resource.RLIMIT_DATA] = 2 * job["memory"] + (512 << 20)
    if job.get("uid"):
        limits[resource.RLIMIT_NPROC] = 512
    for limit, value in limits.items():
        _, most = resource.getrlimit(limit)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, value))
    if os.geteuid() == 0:
        # Root without its powers, also where no other user can be had: files of others and the system are closed to it.
        for capability in range(64):
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    if job.get("uid"):
        os.setgroups([])
        os.setgid(job["uid"])
        os.setuid(job["uid"])
    os.umask(job.get("umask", 0o077))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # After the change of user, which would undo it. Our death is the child's.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def cut_the_network():
    """A network of its own with nothing but a loopback; as root, or through a user namespace where those are allowed."""
    uid, gid = os.getuid(), os.getgid()
    if os.geteuid() == 0:
        unshare(_CLONE_NEWNET)
    else:
        unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def unshare(flags):
    if _libc.unshare(flags):
        raise OSError(ctypes.get_errno(), "the network cannot be cut")


def children_of(pid):
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found.extend(int(child) for child in file.read().split())
    except (OSError, ValueError):
        pass
    return found


def memory_of(pid):
    """Bytes in use by a process and its descendants, files mapped into memory left out."""
    total, waiting = 0, [pid]
    page = resource.getpagesize()
    while waiting:
        one = waiting.pop()
        try:
            with open(f"/proc/{one}/statm") as file:
                _, resident, shared, *_ = (int(part) for part in file.read().split())
            total += (resident - shared) * page
        except (OSError, ValueError):
            continue
        waiting.extend(children_of(one))
    return total


def exact_memory_of(pid):
    """The same with what forked processes share counted once; slower, as the kernel looks at every page."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            with open(f"/proc/{one}/smaps_rollup") as file:
                found = dict(line.split(":", 1) for line in file if ":" in line and line.endswith("kB\n"))
            total += int(found["Pss_Anon"].split()[0]) * 1024
        except (OSError, ValueError):
            continue
        except KeyError:  # a kernel that does not tell files and memory apart
            return memory_of(pid)
        waiting.extend(children_of(one))
    return total


def started(pid):
    """Boot and start time of a process: with its number, an identity that is never used again."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    with open(f"/proc/{pid}/stat") as file:
        return boot + " " + file.read().rpartition(")")[2].split()[19]


def write(path, value):
    with open(path + ".new", "w") as file:
        json.dump(value, file)
    os.replace(path + ".new", path)


def now():
    return datetime.now(UTC).isoformat(timespec="microseconds")


if __name__ == "__main__":
    # Not sys.exit: in the forked supervisor nothing of the interpreter's end is of use.
    sys.stdout.flush()
    os._exit(main())
