"""Every setting, permission, event tag and error code is explained in docs/."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import env
from portal.accounts.events import EventTag
from portal.accounts.permissions import Permission

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
CODE = re.compile(r"[A-Z][A-Za-z]+")
PACKAGES = ("portal", "registry", "deployments", "frontend", "scoring")


def sources() -> Iterator[tuple[str, ast.AST]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" not in path.parts and "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def text_of(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def variables() -> dict[str, str]:
    """MODELPORT_ name -> where it is asked for, by a call of portal.env."""
    readers = {name for name in vars(env) if callable(getattr(env, name)) and not name.startswith("_")}
    found = {f"MODELPORT_{name}": "portal.env" for name in env.asked if name != "X"}
    for name, tree in sources():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).removeprefix("env.") in readers
                and ast.unparse(node.func).startswith("env.")
            ):
                if node.args and (said := text_of(node.args[0])):
                    found[f"MODELPORT_{said}"] = f"{name} line {node.lineno}"
    return found


def codes() -> dict[str, str]:
    """Error code -> one place where it is given."""
    found: dict[str, str] = {}

    def keep(value: str | None, name: str, line: int) -> None:
        if value and CODE.fullmatch(value):
            found.setdefault(value, f"{name} line {line}")

    for name, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg == "code":
                        keep(text_of(keyword.value), name, node.lineno)
                called = ast.unparse(node.func)
                if node.args and (called.endswith("envelope") or called == "faults.add") and name != "registry/actions/manifests.py":
                    keep(text_of(node.args[0]), name, node.lineno)
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if text_of(key) == "code":
                        keep(text_of(value), name, node.lineno)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    pairs = (
                        zip(target.elts, node.value.elts, strict=True)
                        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                        else [(target, node.value)]
                    )
                    for part, value in pairs:
                        if isinstance(part, ast.Name) and part.id == "code":
                            keep(text_of(value), name, node.lineno)
            elif isinstance(node, ast.Tuple) and name == "deployments/gateway/answers.py":
                for element in node.elts:
                    keep(text_of(element), name, node.lineno)
    return found


def test_the_collectors_see_something():
    assert {"MODELPORT_DATA", "MODELPORT_MAX_FILE_BYTES"} <= set(variables())
    assert {"NotFound", "DigestMismatch", "InUse", "BadInput", "MissingArgument", "BadGateway"} <= set(codes())


@pytest.mark.parametrize("variable", sorted(variables()))
def test_a_setting_is_explained(variable):
    assert f"`{variable}`" in (DOCS / "settings.md").read_text(), f"docs/settings.md does not explain {variable} ({variables()[variable]})"


def test_no_setting_is_explained_that_is_not_there():
    explained = set(re.findall(r"^\| `(MODELPORT_[A-Z_]+)`", (DOCS / "settings.md").read_text(), re.MULTILINE))
    others = [
        *ROOT.glob("portal/supervisor/*.py"),
        *ROOT.glob("deployments/gateway/*.py"),
        *ROOT.glob("tests/*.py"),
        *ROOT.glob(".ci/*"),
        ROOT / "Makefile",
    ]
    elsewhere = "".join(path.read_text() for path in others)
    assert [name for name in explained - set(variables()) if name not in elsewhere] == []


@pytest.mark.parametrize("code", sorted(codes()))
def test_an_error_code_is_explained(code):
    assert f"`{code}`" in (DOCS / "errors.md").read_text(), f"docs/errors.md does not explain {code} ({codes()[code]})"


@pytest.mark.parametrize("name", [*Permission, *EventTag], ids=str)
def test_a_permission_or_event_is_named(name):
    assert f"`{name}`" in (DOCS / "architecture.md").read_text()


def test_links_between_documents_lead_somewhere():
    broken = []
    for path in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
            if "://" not in target and not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def test_files_the_architecture_names_are_there():
    text = (DOCS / "architecture.md").read_text()
    named = set(re.findall(r"`((?:portal|registry|deployments|frontend|scoring|tests)/[\w/.]*)`", text))
    assert named and [name for name in sorted(named) if not (ROOT / name).exists()] == []
