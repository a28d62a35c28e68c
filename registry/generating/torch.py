"""TorchScript archives. Other PyTorch files need the code of their classes and are told how to become one."""

from __future__ import annotations

import re
import zipfile

from registry.generating.files import ModelFiles, Unreadable
from registry.generating.recipe import NO_SCHEMA, Recipe, driver, is_table, quoted
from scoring.schema import Schema

_FORWARD = re.compile(r"def forward\(self: __torch__[^,)]*((?:,\s*\w+: [^,)]+)*)\)")
CURE = "Save it with torch.jit.script(model).save('model.pt') or torch.jit.trace(model, sample).save('model.pt')."


def recognise(files: ModelFiles, path: str, sample: Schema | None) -> Recipe | None:
    if not path.lower().endswith((".pt", ".pth", ".ts", ".torchscript")):
        return None
    names = _names(files, path)
    if names is None:
        raise Unreadable(f"{path} is an old or cut PyTorch file. {CURE}")
    if not any("/code/" in name for name in names):
        raise Unreadable(f"{path} holds weights or a pickled module, which need the code of its classes. {CURE}")
    inputs = _inputs(files, path, names)
    if len(inputs) > 1:
        raise Unreadable(
            f"{path}: forward() takes {len(inputs)} tensors ({', '.join(inputs)}); write a scoring file that says how they come."
        )
    given = "{data}.to_numpy()" if is_table(sample) else "{data}"
    text = driver(
        what=f"the TorchScript model {files.beside(path)}",
        imports=["import numpy", "import torch"],
        init=[f'model = torch.jit.load({quoted(files.beside(path))}, map_location="cpu")', "model.eval()"],
        run=["with torch.inference_mode():", f'    return model(torch.from_numpy(numpy.asarray({given}, dtype="float32"))).tolist()'],
        schema=sample,
    )
    notes = [] if sample is not None else [NO_SCHEMA]
    notes.append("The package torch from a general index brings GPU libraries of several GB; an administrator can name a CPU-only index.")
    return Recipe("PyTorch", text, ["torch", "numpy", *(["pandas"] if is_table(sample) else [])], sample, notes=notes)


def _names(files: ModelFiles, path: str) -> list[str] | None:
    with files.open(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return archive.namelist()
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError):
            return None


def _inputs(files: ModelFiles, path: str, names: list[str]) -> list[str]:
    """The arguments of the module's forward(), from the text of its code."""
    main = next((name for name in names if name.endswith("/code/__torch__.py")), None)
    if main is None:
        return ["x"]
    with files.open(path) as file, zipfile.ZipFile(file) as archive:
        if archive.getinfo(main).file_size > 2**22:
            return ["x"]
        found = _FORWARD.findall(archive.read(main).decode("utf-8", "replace"))
    # The outermost module is written last.
    return re.findall(r",\s*(\w+):", found[-1]) if found else ["x"]
