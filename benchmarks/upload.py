"""Upload throughput through a real web process, against copying the same file on the same disk.

    python -m benchmarks.upload [--mib 512] [--rounds 3]

Both are synced to the disk before the clock stops. The portal also hashes; `sha256` is what
hashing alone costs on this machine. The copy is measured between the uploads, so that a busy disk slows both.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

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
    with open(source, "rb") as reading, open(target, "wb") as writing:
        shutil.copyfileobj(reading, writing, MIB)
        writing.flush()
        os.fsync(writing.fileno())
    seconds = time.perf_counter() - begun
    target.unlink()
    return seconds


def hash_seconds(source: Path) -> float:
    begun = time.perf_counter()
    with open(source, "rb") as reading:
        hashlib.file_digest(reading, "sha256")
    return time.perf_counter() - begun


def upload_seconds(portal: LivePortal, source: Path) -> float:
    with portal.client() as client:
        upload_set = client.post("/api/v1/groups/demo/uploads/").json()["id"]
    connection = http.client.HTTPConnection(urlsplit(portal.url).netloc, timeout=600, blocksize=MIB)
    headers = {"Authorization": f"Bearer {portal.tokens['someone']}", "Content-Length": str(source.stat().st_size)}
    begun = time.perf_counter()
    with open(source, "rb") as body:
        connection.request("PUT", f"/api/v1/groups/demo/uploads/{upload_set}/files/model.bin", body=body, headers=headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    seconds = time.perf_counter() - begun
    connection.close()
    if answer.status != 200 or told["alreadyStored"] or told["size"] != source.stat().st_size:
        raise SystemExit(f"The upload failed: {answer.status} {told}")
    return seconds


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--mib", type=int, default=512)
    asked.add_argument("--rounds", type=int, default=3)
    options = asked.parse_args()
    copies, uploads, hashes = [], [], []
    with tempfile.TemporaryDirectory(prefix="modelport-bench-") as folder, live_portal(Path(folder)) as portal:
        before = portal.memory()
        highest = before
        for number in range(options.rounds):
            source = Path(folder) / "source.bin"
            random_file(source, options.mib, str(number).encode())
            copies.append(copy_seconds(source, Path(folder) / "copy.bin"))
            uploads.append(upload_seconds(portal, source))
            hashes.append(hash_seconds(source))
            highest = max(highest, portal.memory())
    copy, upload = statistics.median(copies), statistics.median(uploads)
    result = {
        "mib": options.mib,
        "rounds": options.rounds,
        "copy_mib_per_s": round(options.mib / copy, 1),
        "upload_mib_per_s": round(options.mib / upload, 1),
        "sha256_mib_per_s": round(options.mib / statistics.median(hashes), 1),
        "upload_to_copy_ratio": round(upload / copy, 2),
        "ratios": [round(one / other, 2) for one, other in zip(uploads, copies, strict=True)],
        "memory_growth_mib": round((highest - before) / MIB, 1),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
