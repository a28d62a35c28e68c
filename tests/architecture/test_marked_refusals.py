"""What people are refused with is told in their language: a sentence that is raised at a door is marked for translation."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOORS = ("registry/actions", "registry/api", "deployments/actions", "deployments/api", "portal/accounts", "portal/api", "frontend")
#: what follows an alias by itself keeps such a sentence for readers of any language
KEPT = {("deployments/actions/following.py", "It has no image yet."), ("deployments/actions/following.py", "Its manifest ")}
#: told to programs: a header's syntax, a token's state, what Django has not seen yet
TOLD_TO_PROGRAMS = {"portal/accounts/authentication.py", "portal/accounts/before_django.py"}


def sentences(call: ast.Call) -> list[str]:
    """Unmarked texts with a space in them among what an exception is made of."""
    found, waiting = [], [*call.args]
    for each in waiting:
        if isinstance(each, ast.Dict):
            waiting += each.values
        elif isinstance(each, ast.List):
            waiting += each.elts
        elif isinstance(each, ast.JoinedStr):
            found.append(next((part.value for part in each.values if isinstance(part, ast.Constant)), "..."))
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and " " in each.value:
            found.append(each.value)
    return found


def unmarked(source: str) -> list[tuple[int, str]]:
    raised = [each.exc for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call)]
    names = {"ValidationError", "BadRequest", "NotFound", "Conflict", "NotAllowed", "TooLarge", "IllegalMove", "InsufficientStorage"}
    return [(call.lineno, text) for call in raised if getattr(call.func, "id", "") in names for text in sentences(call)]


@pytest.mark.parametrize("folder", DOORS)
def test_sentences_of_refusals_are_marked(folder):
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if "migrations" not in path.parts and name not in TOLD_TO_PROGRAMS:
            found += [f"{name}:{line}: {text}" for line, text in unmarked(path.read_text()) if (name, text) not in KEPT]
    assert found == []


def test_a_sentence_that_is_not_marked_is_found():
    source = 'raise NotFound(f"There is no {x}.")\nraise ValidationError({"a": ["Give a name."]})\nraise Conflict(_("Fine."))\n'
    assert [line for line, _ in unmarked(source)] == [1, 2]
