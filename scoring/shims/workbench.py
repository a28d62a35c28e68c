"""azureml.assets, azureml.logging and azureml.core.model, as far as score files use them."""

from __future__ import annotations

import os
from typing import Any, Optional


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
        """Where the model lies in the image."""
        root = os.environ.get("AZUREML_MODEL_DIR", ".")
        found = os.path.join(root, model_name)
        if not os.path.exists(found):
            raise FileNotFoundError(f"There is no model {model_name!r} in {sorted(os.listdir(root))}")
        return found
