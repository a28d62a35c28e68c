"""Upload throughput through a real web process, against `cp` and fsync of the same file on the same disk.

    python -m benchmarks.upload [--mib 1024] [--rounds 3]

`put` is one request with the whole file, `tus` what the page sends, `tus_in_two` the same resumed in the middle. All are synced to the disk before the clock stops,
and copies are made between the uploads, so that a busy disk slows both. The bounds that no portal on this machine can beat are measured
too: hashing alone (one core), the same bytes from one process to another over loopback, and both with writing, at once and with nothing
else of a portal. The processor's seconds are told beside the clock's, since they hardly depend on what else runs.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.live_portal import LivePortal, live_portal

MIB = 2**20


def random_file(path: Path, mib: int, mark: bytes) -> None:
    """Content of its own each time, so that nothing is stored already."""
    block = os.urandom(MIB)
    with open(path, "wb") as file:
        file.write(mark.ljust(64))
        for _ in range(mib):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def copy_seconds(source: Path, target: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(["cp", "--reflink=never", source, target], check=True)
    with open(target, "rb") as copied:
        os.fsync(copied.fileno())
    seconds = time.perf_counter() - begun
    target.unlink()
    return seconds


def hash_seconds(source: Path) -> float:
    begun = time.perf_counter()
    with open(source, "rb") as reading:
        hashlib.file_digest(reading, "sha256")
    return time.perf_counter() - begun


SEND = """
import socket, sys
with open(sys.argv[1], "rb") as file, socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as out:
    out.sendfile(file)
"""


def loopback_seconds(source: Path, *, kept: Path | None = None) -> float:
    """From a process that sends it to this one, which reads it; with `kept`, hashes and writes it as well, each in a thread."""
    hashed, size = hashlib.sha256(), 0
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(2) as threads, open(kept or os.devnull, "wb", 0) as out:
        begun = time.perf_counter()
        sender = subprocess.Popen([sys.executable, "-c", SEND, source, str(server.getsockname()[1])])
        arriving, _ = server.accept()
        # Two that take turns: memory that is fresh for each piece would cost more than hashing it.
        pending: list[Future] = []
        pieces = [memoryview(bytearray(2 * MIB)) for _ in range(2)]
        with arriving:
            while True:
                piece, there = pieces[0], 0
                pieces.reverse()
                while there < len(piece) and (more := arriving.recv_into(piece[there:])):
                    there += more
                size += there
                if kept is not None:
                    for one in pending:
                        one.result()
                    pending = [threads.submit(hashed.update, piece[:there]), threads.submit(out.write, piece[:there])]
                if there < len(piece):
                    break
        for one in pending:
            one.result()
        os.fsync(out.fileno()) if kept is not None else None
        seconds = time.perf_counter() - begun
    sender.wait()
    if size != source.stat().st_size:
        raise SystemExit("The loopback lost bytes.")
    if kept is not None:
        kept.unlink()
    return seconds


def tus_seconds(portal: LivePortal, source: Path, pieces: int) -> float:
    """One piece is what the page sends when nothing breaks off; more are what is sent when it was resumed."""
    size = source.stat().st_size
    sets = "/api/v1/groups/demo/uploads/"
    with portal.client() as client:
        upload_set = client.post(sets).json()["id"]
    connection = http.client.HTTPConnection(urlsplit(portal.url).netloc, timeout=600, blocksize=MIB)
    common = {"Authorization": f"Bearer {portal.tokens['someone']}", "Tus-Resumable": "1.0.0"}
    words = f"path {b64encode(b'model.bin').decode()}"
    begun = time.perf_counter()
    connection.request("POST", f"{sets}{upload_set}/resumable/", headers={**common, "Upload-Length": str(size), "Upload-Metadata": words})
    answer = connection.getresponse()
    answer.read()
    place = urlsplit(answer.headers["Location"]).path
    with open(source, "rb") as file:
        for offset in range(0, size, -(-size // pieces)):
            length = min(-(-size // pieces), size - offset)
            headers = {**common, "Upload-Offset": str(offset), "Content-Length": str(length)}
            connection.putrequest("PATCH", place, skip_accept_encoding=True)
            for name, value in {**headers, "Content-Type": "application/offset+octet-stream"}.items():
                connection.putheader(name, value)
            connection.endheaders()
            connection.sock.sendfile(file, offset, length)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 204 or int(answer.headers["Upload-Offset"]) != offset + length:
                raise SystemExit(f"A piece was refused: {answer.status}")
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds


def put_seconds(portal: LivePortal, source: Path) -> float:
    with portal.client() as client:
        upload_set = client.post("/api/v1/groups/demo/uploads/").json()["id"]
    connection = http.client.HTTPConnection(urlsplit(portal.url).netloc, timeout=600, blocksize=MIB)
    headers = {"Authorization": f"Bearer {portal.tokens['someone']}", "Content-Length": str(source.stat().st_size)}
    begun = time.perf_counter()
    with open(source, "rb") as body:
        connection.putrequest("PUT", f"/api/v1/groups/demo/uploads/{upload_set}/files/model.bin", skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        # As a client would that is no bound itself: the kernel sends.
        connection.sock.sendfile(body)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    seconds = time.perf_counter() - begun
    connection.close()
    if answer.status != 200 or told["alreadyStored"] or told["size"] != source.stat().st_size:
        raise SystemExit(f"The upload failed: {answer.status} {told}")
    return seconds


def cpu_seconds(portal: LivePortal) -> float:
    """Of the web process and its workers; unlike the clock, it hardly depends on what else runs."""
    main_one = psutil.Process(portal.process.pid)
    return sum(sum(one.cpu_times()[:2]) for one in [main_one, *main_one.children(recursive=True)])


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--mib", type=int, default=1024)
    asked.add_argument("--rounds", type=int, default=3)
    options = asked.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in ("copy", "put", "tus", "tus_in_two", "sha256", "loopback", "all_at_once")}
    cpu: dict[str, list[float]] = {"portal": [], "all_at_once": []}
    with tempfile.TemporaryDirectory(prefix="modelport-bench-") as folder, live_portal(Path(folder)) as portal:
        before = highest = portal.memory()
        source, other = Path(folder) / "source.bin", Path(folder) / "copy.bin"
        for number in range(options.rounds):
            random_file(source, options.mib, f"put {number}".encode())
            seconds["copy"].append(copy_seconds(source, other))
            busy = cpu_seconds(portal)
            seconds["put"].append(put_seconds(portal, source))
            cpu["portal"].append(cpu_seconds(portal) - busy)
            seconds["sha256"].append(hash_seconds(source))
            highest = max(highest, portal.memory())
            random_file(source, options.mib, f"tus {number}".encode())
            seconds["copy"].append(copy_seconds(source, other))
            seconds["tus"].append(tus_seconds(portal, source, 1))
            for blob in portal.blobs():
                blob.unlink()
            random_file(source, options.mib, f"two {number}".encode())
            seconds["tus_in_two"].append(tus_seconds(portal, source, 2))
            seconds["loopback"].append(loopback_seconds(source))
            busy = time.process_time()
            seconds["all_at_once"].append(loopback_seconds(source, kept=other))
            cpu["all_at_once"].append(time.process_time() - busy)
            highest = max(highest, portal.memory())
            for blob in portal.blobs():
                blob.unlink()
    speed = {name: round(options.mib / statistics.median(some)) for name, some in seconds.items()}
    result = {
        "mib": options.mib,
        "rounds": options.rounds,
        "mib_per_s": speed,
        "of_the_copy": {name: round(speed[name] / speed["copy"], 2) for name in speed if name != "copy"},
        "cpu_seconds_a_gib": {name: round(statistics.median(some) * 1024 / options.mib, 2) for name, some in cpu.items()},
        "seconds": {name: [round(one, 2) for one in some] for name, some in seconds.items()},
        "memory_growth_mib": round((highest - before) / MIB, 1),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
