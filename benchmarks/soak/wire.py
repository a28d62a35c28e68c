"""HTTP/1.1 by hand: a caller who may break every rule needs a client that has none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

#: seconds until a call counts as unanswered; above every limit of gateway and replica
PATIENCE = 90


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Lost(Exception):
    """The connection ended before a whole answer came."""


class Connection:
    """One connection to the gateway, opened when it is needed and kept while both sides want it."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, *parts: bytes, pause: float = 0) -> Answer:
        """Sends the parts, `pause` seconds apart, and reads one answer. Raises Lost."""
        try:
            async with asyncio.timeout(PATIENCE):
                if self.writer is None:
                    self.reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=2**20)
                sending = asyncio.ensure_future(self._send(parts, pause))
                try:
                    return await self._read()
                finally:
                    sending.cancel()
        except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError) as error:
            self.close()
            raise Lost(repr(error)) from None

    async def _send(self, parts: tuple[bytes, ...], pause: float) -> None:
        try:
            for number, part in enumerate(parts):
                if number and pause:
                    await asyncio.sleep(pause)
                self.writer.write(part)
                await self.writer.drain()
        except OSError:
            pass  # refused in the middle of a body: what was answered is still to be read

    async def _read(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
        else:
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(head[0].split(" ")[1]), headers, body)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


def post(path: str, key: str, body: bytes, *headers: str, host: str = "soak") -> bytes:
    """A right request; `headers` are further lines, or replace Content-Length when they name it."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key}", "Content-Type: application/json", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
