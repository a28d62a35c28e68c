"""Who may import whom. A failure names the file, the line and the import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: package -> what of ours it may import
MAY_IMPORT = {
    "portal": {"portal"},
    "registry": {"registry", "portal", "scoring"},
    "deployments": {"deployments", "registry", "portal", "scoring"},
    "frontend": {"frontend", "deployments", "registry", "portal"},
    "scoring": {"scoring"},
    "modelport": {"modelport"},
}
OURS = set(MAY_IMPORT)
#: scoring goes into every image, modelport onto laptops: neither brings the portal's libraries
LEAVING = {"scoring", "modelport"}
NOT_IN_LEAVING = {"django", "rest_framework", "celery", "docker", "yaml"}
#: the Docker SDK ends here, and is imported inside functions, so that a portal without Docker starts
DOCKER_FILES = {"deployments/builds/builders/docker.py", "deployments/targets/docker.py", "deployments/docker_engine.py"}


def imports(source: str) -> Iterator[tuple[int, str, bool]]:
    """(line, module, inside a function) of every import, wherever it stands; relative ones are left out, they stay inside."""

    def walk(node: ast.AST, inside: bool) -> Iterator[tuple[int, str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((child.lineno, alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.level == 0:
                yield child.lineno, child.module or "", inside
            yield from walk(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    # Imports for type checkers alone load nothing.
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    yield from walk(tree, False)


def complaints(root: Path) -> list[str]:
    found = []
    for package, allowed in MAY_IMPORT.items():
        for path in sorted((root / package).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if "node_modules" in name:
                continue
            for line, module, inside in imports(path.read_text()):
                top = module.split(".")[0]
                if top in OURS - allowed:
                    found.append(f"{name} line {line}: {package} may not import {module}")
                if package in LEAVING and top in NOT_IN_LEAVING:
                    found.append(f"{name} line {line}: {package} may not import {module}")
                if top == "docker" and (name not in DOCKER_FILES or not inside):
                    found.append(
                        f"{name} line {line}: the Docker SDK is imported inside functions of {', '.join(sorted(DOCKER_FILES))} only"
                    )
                if top in {"tests", "benchmarks", "demo"}:
                    found.append(f"{name} line {line}: {package} may not import {module}")
    return found


def test_imports_point_down():
    assert complaints(ROOT) == []


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("portal/x.py", "import os\nfrom registry.models import Image", "portal/x.py line 2: portal may not import registry.models"),
        (
            "registry/a/b.py",
            "def f():\n    import deployments.models",
            "registry/a/b.py line 2: registry may not import deployments.models",
        ),
        (
            "deployments/x.py",
            "try:\n    from frontend import urls\nexcept ImportError: pass",
            "deployments/x.py line 2: deployments may not import frontend",
        ),
        ("scoring/x.py", "def f():\n    from django.conf import settings", "scoring/x.py line 2: scoring may not import django.conf"),
        ("modelport/x.py", "import scoring", "modelport/x.py line 1: modelport may not import scoring"),
        ("scoring/y.py", "import portal", "scoring/y.py line 1: scoring may not import portal"),
        ("frontend/x.py", "import scoring.schema", "frontend/x.py line 1: frontend may not import scoring.schema"),
        ("registry/d.py", "def f():\n    import docker", "registry/d.py line 2: the Docker SDK"),
        ("deployments/targets/docker.py", "import docker", "deployments/targets/docker.py line 1: the Docker SDK"),
        ("registry/t.py", "from tests import factories", "registry/t.py line 1: registry may not import tests"),
    ],
)
def test_the_rule_bites(tmp_path, path, source, expected):
    """The same rule on a tree that is broken on purpose."""
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(source)
    assert len(complaints(tmp_path)) == 1 and complaints(tmp_path)[0].startswith(expected)


def test_allowed_imports_are_allowed(tmp_path):
    for package, allowed in MAY_IMPORT.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / "x.py").write_text("".join(f"import {each}\n" for each in sorted(allowed)) + "from . import y\n")
    (tmp_path / "deployments" / "targets").mkdir()
    (tmp_path / "deployments" / "targets" / "docker.py").write_text("def f():\n    import docker\n")
    assert complaints(tmp_path) == []


def test_pages_define_no_model_and_write_no_row():
    """A page asks an action. `form.save()` and `serializer.save()` would be rules of its own."""
    found = []
    for path in sorted((ROOT / "frontend").rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) in {"models.Model", "Model"} for base in node.bases):
                found.append(f"{path.relative_to(ROOT)} line {node.lineno}: defines a model")
            writes = {"save", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in writes
                and "session" not in ast.unparse(node.func)
            ):
                found.append(f"{path.relative_to(ROOT)} line {node.lineno}: {ast.unparse(node.func)}()")
    assert found == []


#: files that ask nobody, with the reason
LONG = {"deployments/migrations", "registry/migrations", "portal/accounts/migrations"}


def test_no_file_grows_over_400_lines():
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for package in sorted(OURS)
        for path in sorted((ROOT / package).rglob("*.py"))
        if "node_modules" not in path.parts and not any(str(path.relative_to(ROOT)).startswith(folder) for folder in LONG)
        if (count := len(path.read_text().splitlines())) > 400
    ]
    assert long == []
