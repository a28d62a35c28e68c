"""Which packages a scoring file imports, and which of them nothing brings."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from registry.known_packages import IMPORTED_AS, SAME_NAME

#: what the scoring runtime has under these names
OF_RUNTIME = frozenset({"azureml", "azure", "inference_schema", "azureml_inference_server_http", "msgspec", "httptools", "uvloop"})
#: packages that are hardly ever named, because these bring them
BROUGHT_BY = {
    "numpy": (
        "pandas",
        "scikit-learn",
        "scipy",
        "xgboost",
        "xgboost-cpu",
        "lightgbm",
        "onnxruntime",
        "tensorflow",
        "tensorflow-cpu",
        "keras",
    ),
    "scipy": ("scikit-learn", "xgboost", "xgboost-cpu", "lightgbm", "statsmodels"),
    "joblib": ("scikit-learn",),
    "keras": ("tensorflow", "tensorflow-cpu"),
    "sklearn": ("imbalanced-learn", "category-encoders", "lightgbm", "mlxtend"),
    "PIL": ("torchvision",),
    "yaml": ("mlflow", "mlflow-skinny"),
    "mlflow": ("mlflow-skinny",),
    "py4j": ("pyspark",),
    "dateutil": ("pandas",),
    "requests": ("mlflow", "mlflow-skinny", "transformers"),
}
_OTHER_WAY = {
    "xgboost": ("xgboost-cpu",),
    "tensorflow": ("tensorflow-cpu", "tensorflow-gpu"),
    "cv2": ("opencv-python", "opencv-python-headless"),
}
_KNOWN = {canonicalize_name(name) for name in SAME_NAME}


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(top-level module, line) of every absolute import; what a `try` may do without is left out."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Try) and any(_catches_import(handler) for handler in node.handlers):
            waiting += [part for handler in node.handlers for part in handler.body] + node.orelse + node.finalbody
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0], node.lineno
        waiting += ast.iter_child_nodes(node)


def _catches_import(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(name in ast.unparse(handler.type) for name in ("ImportError", "ModuleNotFoundError", "Exception"))


def package_of(module: str) -> str:
    """The package that brings a module, as far as it is known; else its own name."""
    return IMPORTED_AS.get(module, module)


def is_known(module: str) -> bool:
    return module in IMPORTED_AS or canonicalize_name(module) in _KNOWN


def missing(source: bytes, *, requirements: Iterable[str], paths: Iterable[str], runtime: str = "python") -> list[tuple[str, int]]:
    """(module, line) of imports that neither Python, the runtime, a file beside it nor a dependency brings; first lines only."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    wanted = set()
    for line in requirements:
        try:
            wanted.add(canonicalize_name(Requirement(line).name))
        except InvalidRequirement:
            continue
    beside = {path.split("/")[0].removesuffix(".py") for path in paths}
    there = set(sys.stdlib_module_names) | OF_RUNTIME | beside | ({"pyspark", "py4j"} if runtime == "spark-py" else set())
    found: dict[str, int] = {}
    for module, line in imported(tree):
        if module in there:
            continue
        bringing = {package_of(module), module, *BROUGHT_BY.get(module, ()), *_OTHER_WAY.get(module, ())}
        if not wanted & {canonicalize_name(name) for name in bringing}:
            found[module] = min(line, found.get(module, line))
    return sorted(found.items(), key=lambda pair: pair[1])
