"""The user's score.py: looked at without running it, loaded, called.

`inspect_source` and `check_arguments` only parse (they are what the portal calls);
`Driver` runs the file and belongs inside a replica.
"""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import decorated, explain, rawhttp
from .decorated import HEADERS
from .errors import DriverFailed
from .schema import Schema
from .values import nearest

LARGEST = 1024 * 1024


@dataclass(frozen=True)
class Argument:
    """One parameter of run(). `kind` is "name", "positional" (before `/`), "keyword" (after `*`), "args" or "kwargs"."""

    name: str
    required: bool
    line: int
    kind: str = "name"


@dataclass(frozen=True)
class SourceError:
    """A sentence that already names file and line, and the line (None = the whole file)."""

    message: str
    line: Optional[int] = None


@dataclass
class DriverInfo:
    """What can be said of a score.py by reading it. `arguments` is None where run() is imported or made at run time.

    `raw`: run() is decorated with @rawhttp. `decorated`: the names that its @input_schema decorators give, None without any;
    a name that is not written out is not among them.
    """

    filename: str
    init: bool = False
    run: bool = False
    run_line: int = 0
    arguments: Optional[List[Argument]] = None
    raw: bool = False
    decorated: Optional[List[str]] = None
    errors: List[SourceError] = field(default_factory=list)


def inspect_source(source: bytes, filename: str = "score.py") -> DriverInfo:
    """Look for init() and run() without executing anything. Never raises: what is wrong is in `errors`."""
    info = DriverInfo(filename)
    if len(source) > LARGEST:
        info.errors.append(SourceError(f"{filename} is larger than 1 MiB."))
        return info
    try:
        tree = ast.parse(source, filename=filename)
    except SyntaxError as error:
        line = error.lineno
        where = f"{filename} line {line}" if line else filename
        info.errors.append(SourceError(f"{where} is not Python: {error.msg}.", line))
        return info
    except (ValueError, RecursionError, MemoryError) as error:
        info.errors.append(SourceError(f"{filename} is not Python: {str(error)[:200] or type(error).__name__}."))
        return info
    found: Dict[str, Any] = {}
    everything = _collect(tree.body, found)
    init, run = found.get("init"), found.get("run")
    info.init, info.run = init is not None or everything, run is not None or everything
    for name in ("init", "run"):
        if found.get(name) is None and not everything:
            info.errors.append(SourceError(f"{filename} has no function {name}(): " + _MISSING[name]))
    if isinstance(init, (ast.FunctionDef, ast.AsyncFunctionDef)):
        needed = [each.name for each in _arguments(init) if each.required]
        if needed:
            info.errors.append(
                SourceError(f"{filename} line {init.lineno}: init() is called without arguments, it asks for `{needed[0]}`.", init.lineno)
            )
    if isinstance(run, (ast.FunctionDef, ast.AsyncFunctionDef)):
        info.run_line, info.arguments = run.lineno, _arguments(run)
        info.raw, info.decorated = _decorators(run)
    return info


_MISSING = {
    "init": "it is called once at start and loads the model.",
    "run": "it is called for every request and returns the answer.",
}


def _decorators(function: Any) -> Tuple[bool, Optional[List[str]]]:
    """Is @rawhttp among them, and which inputs @input_schema names."""
    raw, names = False, None
    for each in function.decorator_list:
        call = each if isinstance(each, ast.Call) else None
        target = call.func if call else each
        name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
        raw = raw or name == "rawhttp"
        if name in ("input_schema", "output_schema"):
            names = names or []
        if call and name == "input_schema":
            given = call.args[:1] + [each.value for each in call.keywords if each.arg == "param_name"]
            names += [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return raw, names


def _collect(body: List[ast.stmt], found: Dict[str, Any]) -> bool:
    """Names bound at module level, the last one winning; True when a star import may have brought any."""
    everything = False
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                everything = everything or alias.name == "*"
                found[alias.asname or alias.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for each in ast.walk(target):
                    if isinstance(each, ast.Name):
                        found[each.id] = node
        else:
            for part in ("body", "orelse", "finalbody"):
                everything = _collect(getattr(node, part, None) or [], found) or everything
            for handler in getattr(node, "handlers", []):
                everything = _collect(handler.body, found) or everything
    return everything


def _arguments(function: Any) -> List[Argument]:
    spec, out = function.args, []
    plain = spec.posonlyargs + spec.args
    without_default = len(plain) - len(spec.defaults)
    for index, each in enumerate(plain):
        kind = "positional" if index < len(spec.posonlyargs) else "name"
        out.append(Argument(each.arg, index < without_default, each.lineno, kind))
    if spec.vararg:
        out.append(Argument(spec.vararg.arg, False, spec.vararg.lineno, "args"))
    for each, default in zip(spec.kwonlyargs, spec.kw_defaults):
        out.append(Argument(each.arg, default is None, each.lineno, "keyword"))
    if spec.kwarg:
        out.append(Argument(spec.kwarg.arg, False, spec.kwarg.lineno, "kwargs"))
    return out


def check_arguments(info: DriverInfo, schema: Optional[Schema]) -> List[str]:
    """Where run()'s arguments and the schema's inputs differ, a sentence each, with the line; [] when they agree."""
    if info.arguments is None or not info.run:
        return []
    here = f"{info.filename} line {{}}: "
    named = {each.name: each for each in info.arguments if each.kind in ("name", "keyword")}
    ways = [
        *(["is decorated with @rawhttp"] if info.raw else []),
        *(["is decorated with @input_schema"] if info.decorated is not None else []),
        *(["has a schema file"] if schema is not None else []),
    ]
    if len(ways) > 1:
        return [here.format(info.run_line) + f"run() {' and '.join(ways)}: only one of them can say what it is given."]
    if info.decorated is not None:
        missing = [name for name in info.decorated if name not in named]
        return [here.format(info.run_line) + f"@input_schema names `{name}`, which run() does not take." for name in missing]
    if schema is None or HEADERS not in schema.inputs:
        named.pop(HEADERS, None)
    if schema is None:
        others = [each for each in info.arguments if each.name != HEADERS]
        needed = [each for each in others if each.required]
        if others and all(each.kind in ("keyword", "kwargs") for each in others):
            return [here.format(info.run_line) + "run() has no argument for the body, which it is given by position: write run(raw_data)."]
        if len(needed) > 1:
            return [
                here.format(info.run_line)
                + f"run() takes {_listed(named)}; without a schema it is called with the body as its only argument."
            ]
        return []
    problems = []
    for each in info.arguments:
        if each.kind == "positional":
            problems.append(here.format(each.line) + f"run() takes `{each.name}` by position only; the schema's inputs are given by name.")
    open_ended = any(each.kind == "kwargs" for each in info.arguments)
    unknown = [name for name in schema.inputs if name not in named] if not open_ended else []
    unfilled = [each for each in named.values() if each.required and each.name not in schema.inputs]
    if len(unknown) == 1 and len(unfilled) == 1:
        return [*problems, here.format(unfilled[0].line) + f"run() takes `{unfilled[0].name}`, the schema calls its input `{unknown[0]}`."]
    for name in unknown:
        problems.append(here.format(info.run_line) + f"run() does not take `{name}`, which the schema has." + nearest(name, named))
    for argument in unfilled:
        problems.append(here.format(argument.line) + f"run() takes `{argument.name}`, which the schema does not have.")
    return problems


def _gathered(run: Callable[..., Any]) -> Callable[..., Any]:
    """A run() that is an asynchronous generator, as one that returns a list."""

    async def gather(*args: Any, **kwargs: Any) -> List[Any]:
        return [each async for each in run(*args, **kwargs)]

    return gather


def _listed(names: Any) -> str:
    return " and ".join(f"`{name}`" for name in names)


class Driver:
    """The loaded file. `load` and `init` raise DriverFailed with words for the person who wrote it.

    How run() is called is known after `load`: with the request as it came (`raw`), with a keyword argument per input of
    `schema` (from the file or from decorators), else with the body as text (`takes_body`). `wants_headers`: it has an
    argument `request_headers` besides.
    """

    def __init__(self, app: Path, filename: str, schema: Optional[Schema]):
        self.app, self.filename, self.schema = app, filename, schema
        self.module: Any = None
        self._run: Any = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self.takes_body = True
        self.raw = self.wants_headers = False
        self.methods = ("POST",) if schema is not None else ("GET", "POST")

    def load(self) -> None:
        path = self.app / self.filename
        try:
            info = inspect_source(path.read_bytes(), self.filename)
        except OSError:
            raise DriverFailed(f"{self.filename} is not there. In the folder: {explain.listing(self.app)}.") from None
        if info.errors:
            raise DriverFailed(" ".join(error.message for error in info.errors))
        problems = check_arguments(info, self.schema)
        if problems:
            raise DriverFailed(" ".join(problems))
        name = path.stem
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec and spec.loader
        self.module = importlib.util.module_from_spec(spec)
        sys.modules[name] = self.module
        try:
            spec.loader.exec_module(self.module)
        except (Exception, SystemExit) as error:
            raise explain.failed(error, self.app, f"{self.filename} cannot be loaded") from None
        for function in ("init", "run"):
            if not callable(getattr(self.module, function, None)):
                raise DriverFailed(f"{self.filename} has no function {function}(): {_MISSING[function]}")
        self._run = self.module.run
        self._find_mode()
        if inspect.isasyncgenfunction(self._run):
            self._run = _gathered(self._run)

    def _find_mode(self) -> None:
        from . import inputs  # what only looks at files does without it

        run = self._run
        arguments: Optional[List[inspect.Parameter]] = None
        try:
            arguments = list(inspect.signature(run).parameters.values())
        except (TypeError, ValueError):  # a function written in C
            pass
        if self.schema is None:
            self.raw = rawhttp.asked_for(run)
            found = decorated.schema_of(run, inputs.build_one, self.filename) if arguments is not None else None
            if self.raw and found is not None:
                raise DriverFailed(f"{self.filename}: run() is decorated with @rawhttp and with @input_schema; use one of them.")
            self.schema = found
            if arguments is not None:
                self.takes_body = any(each.name != HEADERS for each in arguments)
        self.wants_headers = (
            arguments is not None
            and any(each.name == HEADERS and each.kind is not each.VAR_POSITIONAL for each in arguments)
            and not (self.schema is not None and HEADERS in self.schema.inputs)
        )

    def init(self) -> None:
        try:
            self._finish(self.module.init())
        except (Exception, SystemExit) as error:
            raise explain.failed(error, self.app, "init() failed") from None

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """run() as the user wrote it; its exceptions pass through."""
        token = decorated.converted.set(True)
        try:
            return self._finish(self._run(*args, **kwargs))
        finally:
            decorated.converted.reset(token)

    @property
    def has_loop(self) -> bool:
        """A coroutine has run: its event loop may be in use by what it made."""
        return self._loop is not None

    def _finish(self, result: Any) -> Any:
        if not inspect.iscoroutine(result):
            return result
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(result)
