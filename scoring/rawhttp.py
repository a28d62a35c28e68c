"""`@rawhttp`: run() gets the request as it came and may answer with a status and headers of its own. Stdlib only."""

from __future__ import annotations

import io
import json
import re
import sys
import urllib.parse
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from .errors import BadInput

#: where our decorator leaves its mark on run()
MARK = "__modelport_rawhttp__"
_MODULES = ("azureml.contrib.services.aml_request", "azureml_inference_server_http.api.aml_request")

#: of one connection only, or the platform's own: never taken over from run()'s answer
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
OURS = HOP_BY_HOP | {"content-length", "content-type", "date", "server", "set-cookie", "set-cookie2", "x-request-id"}
_NAME = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")
MOST_PARTS = 1000


def rawhttp(function: Callable[..., Any]) -> Callable[..., Any]:
    """run() takes one argument, the request."""
    setattr(function, MARK, True)
    return function


def asked_for(run: Callable[..., Any]) -> bool:
    """Is run() decorated, by ours or by the user's own package?"""
    return bool(getattr(run, MARK, False)) or any(getattr(sys.modules.get(name), "_rawHttpRequested", False) for name in _MODULES)


class Headers(Dict[str, str]):
    """Names as "Content-Type"; looked up without regard to case. What the platform adds for itself is not in it."""

    def __init__(self, given: Iterable[Tuple[str, str]] = ()):
        super().__init__()
        for name, value in given:
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(_title(name), str(value))

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(_title(name))

    def __delitem__(self, name: str) -> None:
        super().__delitem__(_title(name))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(_title(str(name)))

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(_title(name), default)

    def add(self, name: str, value: Any) -> None:
        self[name] = f"{self[name]}, {value}" if name in self else value

    add_header = set = add

    @classmethod
    def of_request(cls, headers: Dict[str, str]) -> "Headers":
        return cls((name, value) for name, value in headers.items() if not name.startswith("x-modelport-"))


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.replace("_", "-").split("-"))


class Values(Dict[str, Any]):
    """Names with one or more values each: `values["a"]` is the first, `getlist("a")` all."""

    def __init__(self, pairs: Iterable[Tuple[str, Any]] = ()):
        super().__init__()
        self._all: Dict[str, List[Any]] = {}
        for name, value in pairs:
            self._all.setdefault(name, []).append(value)
            self.setdefault(name, value)

    def get(self, key: str, default: Any = None, type: Optional[Callable[[Any], Any]] = None) -> Any:
        if key not in self:
            return default
        try:
            return type(self[key]) if type else self[key]
        except ValueError:
            return default

    def getlist(self, key: str) -> List[Any]:
        return list(self._all.get(key, []))

    def to_dict(self, flat: bool = True) -> Dict[str, Any]:
        return dict(self) if flat else {name: list(values) for name, values in self._all.items()}


class File:
    """A file of a multipart body. Reads like any open file, so that `Image.open(request.files["image"])` and its like take it."""

    def __init__(self, name: str, filename: str, content_type: str, data: bytes):
        self.name, self.filename, self.content_type, self.mimetype = name, filename, content_type, content_type
        self.stream = io.BytesIO(data)

    def __getattr__(self, name: str) -> Any:
        if name == "stream":  # not there yet, as while it is copied
            raise AttributeError(name)
        return getattr(self.stream, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.stream)

    def save(self, target: Any) -> None:
        """Into an open file or to a path."""
        if hasattr(target, "write"):
            target.write(self.stream.getvalue())
        else:
            with open(target, "wb") as file:
                file.write(self.stream.getvalue())


class Unreadable(BadInput, ValueError):
    """The body is not what the caller says it is: his fault, unless run() catches it. A ValueError, as json.loads() raises."""


class AMLRequest:
    """One request, with the names that Flask's has."""

    def __init__(self, method: str = "GET", path: str = "/score", query: str = "", headers: Optional[Headers] = None, body: bytes = b""):
        self.method, self.path, self.headers = method, path, headers or Headers()
        self.query_string = query.encode("latin-1")
        self.data = bytes(body)
        self.args = Values(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.environ: Dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
        self._parts: Optional[Tuple[Values, Values]] = None

    @property
    def full_path(self) -> str:
        return f"{self.path}?{self.query_string.decode('latin-1')}"

    @property
    def host(self) -> str:
        return self.headers.get("Host", "localhost")

    @property
    def url(self) -> str:
        return f"http://{self.host}{self.full_path if self.query_string else self.path}"

    @property
    def base_url(self) -> str:
        return f"http://{self.host}{self.path}"

    @property
    def content_type(self) -> Optional[str]:
        return self.headers.get("Content-Type")

    @property
    def mimetype(self) -> str:
        return (self.content_type or "").split(";")[0].strip().lower()

    @property
    def content_length(self) -> int:
        return len(self.data)

    @property
    def is_json(self) -> bool:
        kind = self.mimetype
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Any:
        return self.data.decode("utf-8", "replace") if as_text else self.data

    @property
    def stream(self) -> io.BytesIO:
        return io.BytesIO(self.data)

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body as JSON; None where the content type is another one and `force` is not set. Raises Unreadable."""
        try:
            return json.loads(self.data) if force or self.is_json else None
        except (ValueError, RecursionError) as error:
            if silent:
                return None
            where = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
            raise Unreadable(f"The body is not JSON{where}.") from None

    @property
    def json(self) -> Any:
        return self.get_json()

    @property
    def form(self) -> Values:
        return self._read_parts()[0]

    @property
    def files(self) -> Values:
        return self._read_parts()[1]

    @property
    def values(self) -> Values:
        pairs = [(name, each) for source in (self.args, self.form) for name in source for each in source.getlist(name)]
        return Values(pairs)

    @property
    def cookies(self) -> Dict[str, str]:
        try:
            return {name: each.value for name, each in SimpleCookie(self.headers.get("Cookie", "")).items()}
        except CookieError:
            return {}

    def _read_parts(self) -> Tuple[Values, Values]:
        if self._parts is None:
            if self.mimetype == "application/x-www-form-urlencoded":
                text = self.data.decode("utf-8", "replace")
                self._parts = Values(urllib.parse.parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARTS)), Values()
            elif self.mimetype == "multipart/form-data":
                self._parts = _multipart(self.data, self.content_type or "")
            else:
                self._parts = Values(), Values()
        return self._parts


def _parameter(header: str, value: str, name: str) -> str:
    message = Message()
    message[header] = value
    found = message.get_param(name, "", header=header.lower())
    return found if isinstance(found, str) else found[2]


def _multipart(data: bytes, content_type: str) -> Tuple[Values, Values]:
    """Fields and files of a multipart/form-data body. Raises Unreadable when it is broken."""
    boundary = _parameter("Content-Type", content_type, "boundary").encode("latin-1", "replace")
    if not boundary or len(boundary) > 200:
        raise Unreadable("The multipart body has no boundary.")
    parts = (b"\r\n" + data).split(b"\r\n--" + boundary, MOST_PARTS + 2)
    if len(parts) > MOST_PARTS + 1 or not any(each.startswith(b"--") for each in parts[1:]):
        raise Unreadable("The multipart body has no end, or too many parts.")
    fields: List[Tuple[str, str]] = []
    files: List[Tuple[str, File]] = []
    for part in parts[1:]:
        if part.startswith(b"--"):
            break
        head, found, body = part.partition(b"\r\n\r\n")
        if not found:
            raise Unreadable("A part of the multipart body has no headers.")
        lines = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n") if line.strip())
        }
        disposition = lines.get("content-disposition", "")
        name, filename = (_parameter("Content-Disposition", disposition, each) for each in ("name", "filename"))
        if filename:
            files.append((name, File(name, filename, lines.get("content-type", "application/octet-stream"), body)))
        else:
            fields.append((name, body.decode("utf-8", "replace")))
    return Values(fields), Values(files)


class AMLResponse:
    """What run() answers: a message, a status and headers. `json_str`: the message is to be made JSON."""

    def __init__(
        self,
        message: Any,
        status_code: int,
        response_headers: Optional[Dict[str, str]] = None,
        json_str: bool = False,
        run_function_failed: bool = False,
    ):
        self.headers = Headers()
        if message is None or json_str:
            text: Any = json.dumps({} if message is None else message)
            self.headers["Content-Type"] = "application/json"
        else:
            text = message
            self.headers["Content-Type"] = "text/html; charset=utf-8"
        self.data = text.encode("utf-8") if isinstance(text, str) else bytes(text)
        self.status_code = status_code
        self.headers["x-ms-run-function-failed"] = run_function_failed
        given = Headers()
        for name, value in (response_headers or {}).items():
            given.add(name, value)
        self.headers.update(given)

    def get_data(self, as_text: bool = False) -> Any:
        return self.data.decode("utf-8", "replace") if as_text else self.data


def request_of(request: Any) -> Any:
    """What run() is given: the user's own Flask request where their package brings one, else ours."""
    headers = Headers.of_request(request.headers)
    for name in _MODULES:
        if getattr(sys.modules.get(name), "_rawHttpRequested", False):
            return sys.modules[name].Request(_environ(request, headers))  # type: ignore[attr-defined]
    return AMLRequest(request.method, request.path, request.query, headers, request.body)


def _environ(request: Any, headers: Headers) -> Dict[str, Any]:
    host, _, port = headers.get("Host", "localhost").partition(":")
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {
        **environ,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(bytes(request.body)),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def is_answer(result: Any) -> bool:
    """An AMLResponse, ours or the user's own, or a Flask response."""
    return isinstance(result, AMLResponse) or all(hasattr(result, name) for name in ("status_code", "headers", "get_data"))


def answer_of(result: Any) -> Tuple[int, bytes, bytes, Dict[str, str]]:
    """(status, body, content type, headers) of such an answer, without what run() may not say. ValueError for a status that is none."""
    status = int(result.status_code)
    if not 200 <= status <= 599:
        raise ValueError(f"run() answered with the status {status}; use 200 to 599.")
    content_type, headers = b"application/octet-stream", Headers()
    for name, value in result.headers.items():
        text = str(value)
        if not _NAME.match(str(name)) or any(mark in text for mark in "\r\n\0"):
            continue
        if str(name).lower() == "content-type":
            content_type = text.encode("latin-1", "replace")
        elif str(name).lower() not in OURS and not str(name).lower().startswith("x-modelport-"):
            headers.add(str(name), text.encode("latin-1", "replace").decode("latin-1"))
    named = [each.strip().lower() for each in str(result.headers.get("Connection", "")).split(",")]
    kept = {name.lower(): value for name, value in headers.items() if name.lower() not in named}
    return status, b"" if status in (204, 304) else bytes(result.get_data()), content_type, kept
