"""azureml.assets, azureml.logging and azureml.core.model, as far as score files use them."""

from __future__ import annotations

import os
from typing import Any, Optional

from ..collect import models


def get_local_path(name: str) -> str:
    """The file a link stands for: in an image, the file of that name without `.link`."""
    return name[: -len(".link")] if name.endswith(".link") else name


class _Logger:
    """Takes what it is given; run histories do not exist here."""

    def log(self, *args: Any, **kwargs: Any) -> None:
        return None


def get_azureml_logger() -> _Logger:
    return _Logger()


class Model:
    @staticmethod
    def get_model_path(model_name: str, version: Optional[int] = None, _workspace: Any = None) -> str:
        """Where the model lies in the image: by the name it is registered with, or by that of its file or folder."""
        root = os.environ.get("AZUREML_MODEL_DIR", ".")
        for model in models():
            if model_name in (model.get("name"), model.get("id")) and version in (None, model.get("version")):
                return os.path.join(root, str(model.get("path")))
        found = os.path.join(root, model_name)
        if not os.path.exists(found):
            known = ", ".join(str(each.get("name")) for each in models()) or ", ".join(sorted(os.listdir(root)))
            raise FileNotFoundError(f"There is no model {model_name!r} here; there are {known}.")
        return found
