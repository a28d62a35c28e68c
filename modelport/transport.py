"""The only HTTP: who is asking, time-outs, retries of reads, and answers that are refusals."""

from __future__ import annotations

import json as json_module
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx

from .errors import ClientError

#: answers after which a read is asked again: busy, or on its way up
PASSING = (429, 502, 503, 504)
#: the longest that a read waits before it is asked again, whatever Retry-After says; seconds
LONGEST_WAIT = 10.0


class Transport:
    """Requests to one portal, and scoring calls to its gateway. The token goes to the portal's own address and nowhere else."""

    def __init__(self, url: str, token: str, *, timeout: float = 60.0, attempts: int = 4, on_request: Callable[[str], None] | None = None):
        """`timeout` is in seconds, for connecting and for each wait in between; `attempts` are for reads, writes are sent once."""
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ClientError("BadRequest", f"{url!r} is not a portal's address. Write it like https://models.example.org.")
        self.url = url.strip().rstrip("/")
        self.token = token.strip()
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise ClientError("BadRequest", "This is not a token. Make one on your profile page; it begins with mpu_.")
        self.attempts = attempts
        self._on_request = on_request
        self._client = httpx.Client(timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)), headers={"User-Agent": "modelport-client"})

    def close(self) -> None:
        self._client.close()

    def read(self, path: str, *, params: dict[str, Any] | None = None) -> Any:
        """GET: JSON parsed, anything else as text. Asked again when the portal is busy or out of reach."""
        return _content(self._read(path, params))

    def read_tagged(self, path: str) -> tuple[Any, str]:
        """What `read` gives, and its ETag, which is empty where there is none."""
        response = self._read(path, None)
        return _content(response), response.headers.get("ETag", "")

    def rows(self, path: str, params: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """A list, page after page while rows are wanted."""
        while True:
            page = self.read(path, params=params)
            yield from page["value"]
            if not page["nextLink"]:
                return
            # Only its path: behind a proxy the portal may know itself by another address than the one we reach.
            following = urlsplit(page["nextLink"])
            path, params = f"{following.path}?{following.query}", None

    def write(self, method: str, path: str, json: Any = None) -> Any:
        """POST, PATCH or DELETE, sent once; None when there is nothing to answer."""
        return _content(self._send(method, self.url + path, headers=self._headers, json=json))

    def change(self, path: str, json: Any, tag: str) -> tuple[Any, str]:
        """PATCH, refused (412) when the thing has another ETag than `tag`; an empty one asks nothing. The answer, and its ETag."""
        headers = {**self._headers, "If-Match": tag} if tag else self._headers
        response = self._send("PATCH", self.url + path, headers=headers, json=json)
        return _content(response), response.headers.get("ETag", "")

    def put(self, path: str, chunks: Iterable[bytes], *, size: int, headers: dict[str, str]) -> Any:
        """PUT of a body that is never whole in memory. The answer may take ten minutes: the portal writes it to disk first."""
        headers = {**self._headers, **headers, "Content-Length": str(size), "Content-Type": "application/octet-stream"}
        timeout = httpx.Timeout(60.0, connect=10.0, read=600.0)
        return _content(self._send("PUT", self.url + path, headers=headers, content=chunks, timeout=timeout))

    def form(self, path: str, *, words: dict[str, list[str]], files: list[tuple[str, tuple[str, bytes, str]]]) -> Any:
        """POST of a multipart form that is held in memory, sent once."""
        timeout = httpx.Timeout(60.0, connect=10.0, read=600.0)
        return _content(self._send("POST", self.url + path, headers=self._headers, data=words, files=files, timeout=timeout))

    def piece(self, path: str, chunks: Iterable[bytes], *, offset: int, size: int, headers: dict[str, str]) -> httpx.Response:
        """PATCH of `size` bytes from `offset` on (tus). The last piece's answer may take long: the portal hashes the whole file first."""
        headers = {**self._headers, **headers, "Upload-Offset": str(offset), "Content-Length": str(size)}
        headers["Content-Type"] = "application/offset+octet-stream"
        timeout = httpx.Timeout(60.0, connect=10.0, read=600.0)
        return self._send("PATCH", self.url + path, headers=headers, content=chunks, timeout=timeout)

    def ask(self, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        """A request whose answer is in its headers; sent once."""
        return self._send(method, self.url + path, headers={**self._headers, **headers})

    def score(self, url: str, body: bytes, *, key: str | None, timeout: float) -> Any:
        """POST to a service, with the service's key; the person's token stays here."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return _content(self._send("POST", url, headers=headers, content=body, timeout=httpx.Timeout(timeout, connect=10.0)))

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes]]:
        """GET of bytes, as chunks."""
        with self._guarded("GET", self.url + path), self._client.stream("GET", self.url + path, headers=self._headers) as response:
            if not response.is_success:
                response.read()
                raise refusal(response)
            yield response.iter_bytes(2**20)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json, */*;q=0.5"} if self.token else {}

    def _read(self, path: str, params: dict[str, Any] | None) -> httpx.Response:
        for attempt in range(1, self.attempts + 1):
            wait = min(0.25 * 2**attempt, LONGEST_WAIT)
            try:
                return self._send("GET", self.url + path, headers=self._headers, params=params)
            except ClientError as error:
                if attempt == self.attempts or (error.status and error.status not in PASSING):
                    raise
                wait = max(wait, min(getattr(error, "retry_after", 0.0), LONGEST_WAIT))
            time.sleep(wait)
        raise AssertionError("at least one attempt is made")

    def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        began = time.monotonic()
        with self._guarded(method, url):
            response = self._client.request(method, url, **options)
        if self._on_request:
            took = (time.monotonic() - began) * 1000
            self._on_request(
                f"{method} {response.url} {response.status_code} {took:.0f} ms {response.headers.get('X-Request-Id', '')}".rstrip()
            )
        if not response.is_success:
            raise refusal(response)
        return response

    @contextmanager
    def _guarded(self, method: str, url: str) -> Iterator[None]:
        host = urlsplit(url).netloc
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ClientError("Unreachable", f"Nothing answers at {host}: {error}") from error
        except httpx.TimeoutException as error:
            hint = "" if method == "GET" else " It may have been done all the same: look before you repeat it."
            raise ClientError("Timeout", f"{host} took too long to answer.{hint}") from error
        except httpx.RequestError as error:
            raise ClientError("Unreachable", f"The connection to {host} broke: {error}") from error


def refusal(response: httpx.Response) -> ClientError:
    """The answer as an error, whoever gave it."""
    request_id = response.headers.get("X-Request-Id", "")
    try:
        said = response.json()
    except ValueError:
        said = None
    if isinstance(said, dict) and isinstance(said.get("code"), str) and isinstance(said.get("message"), str):
        request_id = said.get("requestId") or request_id
        error = ClientError(said["code"], said["message"], said.get("details"), response.status_code, request_id)
    else:
        where = f" to {response.headers['Location']}" if response.has_redirect_location else ""
        error = ClientError(
            "UnexpectedAnswer",
            f"{response.url.host} answered {response.status_code}{where} and not as a portal does. Is this the portal's address?",
            status=response.status_code,
            request_id=request_id,
        )
    after = response.headers.get("Retry-After", "")
    error.retry_after = float(after) if after.isdecimal() else 0.0  # type: ignore[attr-defined]
    return error


def _content(response: httpx.Response) -> Any:
    if response.status_code == 204 or not response.content:
        return None
    if response.headers.get("Content-Type", "").partition(";")[0].strip().endswith("json"):
        try:
            return response.json()
        except json_module.JSONDecodeError:
            raise ClientError(
                "UnexpectedAnswer", f"{response.url.host} sent JSON that cannot be read.", status=response.status_code
            ) from None
    return response.text
