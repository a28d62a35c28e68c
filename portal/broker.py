"""The folder broker: Celery messages as files, for a machine without Redis or RabbitMQ.

kombu ships such a transport, but it writes a message in place, so that a reader
can take half of it, and it rewrites its binding tables under the readers. Here
every file appears whole, by rename, and is taken by exactly one reader, by
rename. Messages carry ids only and lie in clear text in a folder of mode 0700.

Importing this module makes the address `fsq://` known to kombu.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import dumps, loads

SCHEME = "fsq"
TRANSPORT_ALIASES[SCHEME] = "portal.broker:Transport"


def transport_options(url: str, folder: Path) -> dict:
    """kombu's options for the broker at `url`; `folder` is where `fsq://` keeps its messages.

    Raises OSError when the folder cannot be made.
    """
    if not url.startswith(f"{SCHEME}://"):
        # Redis gives a message that is not acknowledged to the next worker after this time. It has to be
        # longer than the longest build, or a build is delivered twice.
        return {"visibility_timeout": 12 * 3600} if url.startswith("redis") else {}
    for path in (folder / "messages", folder / "control"):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    messages = str(folder / "messages")
    return {"data_folder_in": messages, "data_folder_out": messages, "control_folder": str(folder / "control"), "polling_interval": 0.2}


def clear_leftovers(folder: Path) -> int:
    """Removes what only living processes could still use: control messages, half-written and half-taken files.

    Called while no worker runs. Messages that announce work stay. Returns how many files went.
    """
    gone = 0
    for path in (folder / "messages").glob("*"):
        if path.name.startswith(".") or ".pidbox." in path.name:
            with suppress(FileNotFoundError):
                path.unlink()
                gone += 1
    for path in (folder / "control").glob("*pidbox*"):
        with suppress(FileNotFoundError):
            path.unlink()
            gone += 1
    return gone


class Channel(filesystem.Channel):
    """kombu's folder channel with whole-file writes."""

    def _put(self, queue, payload, **kwargs):
        # Wall clock first, so that the order holds across reboots.
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        _write_whole(Path(self.data_folder_out) / name, str_to_bytes(dumps(payload)))

    def _get(self, queue):
        folder = Path(self.data_folder_in)
        ending = f"{queue}.msg"
        for name in sorted(os.listdir(folder)):
            if name.startswith(".") or name.partition(".")[2] != ending:
                continue
            taken = folder / f".{uuid.uuid4()}.taken"
            try:
                os.rename(folder / name, taken)
            except FileNotFoundError:
                continue  # another reader was quicker
            payload = taken.read_bytes()
            taken.unlink()
            return loads(bytes_to_str(payload))
        raise Empty()

    def get_table(self, exchange):
        try:
            rows = loads(bytes_to_str(self._exchange_file(exchange).read_bytes()))
        except FileNotFoundError:
            return []
        return [filesystem.exchange_queue_t(*row) for row in rows]

    def _queue_bind(self, exchange, routing_key, pattern, queue):
        row = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with self._changing(exchange) as rows:
            if row not in rows:
                rows.insert(0, row)

    def _delete(self, queue, exchange, routing_key, pattern, *args, **kwargs):
        super(filesystem.Channel, self)._delete(queue, exchange, routing_key, pattern, *args, **kwargs)
        row = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with self._changing(exchange) as rows:
            if row in rows:
                rows.remove(row)

    @contextmanager
    def _changing(self, exchange):
        """The rows of a binding table, alone with them; written back whole when they changed."""
        file = self._exchange_file(exchange)
        try:
            with open(self.control_folder / ".lock", "ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                before = self.get_table(exchange)
                rows = list(before)
                yield rows
                if rows != before:
                    _write_whole(file, str_to_bytes(dumps(rows)))
        except OSError as error:
            raise ChannelError(f"The binding table {file.name} cannot be changed: {error.strerror}.") from error


class Transport(filesystem.Transport):
    Channel = Channel


def _write_whole(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{uuid.uuid4()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.rename(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ChannelError(f"The broker's folder cannot be written: {error.strerror}.") from error
