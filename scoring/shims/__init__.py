"""The import names that existing score files expect. Real packages win: the finder stands last.

`TABLE` maps an import name to (our module, {name there: name here}); every package
above an entry exists too, empty, when no real one does.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Dict, Optional, Sequence, Tuple

_SDK = {
    "schema.dataTypes": ("schema_sdk", ["DataTypes"]),
    "schema.sampleDefinition": ("schema_sdk", ["SampleDefinition"]),
    "schema.schemaUtil": ("schema_sdk", ["load_service_schema", "parse_service_input"]),
    "realtime.services": ("schema_sdk", ["generate_schema"]),
}
TABLE: Dict[str, Tuple[str, Sequence[str]]] = {
    "azureml.datacollector": ("collectors", ["ModelDataCollector"]),
    "azureml.datacollector.modeldatacollector": ("collectors", ["ModelDataCollector"]),
    "azureml.monitoring": ("collectors", ["ModelDataCollector"]),
    "azureml.assets": ("workbench", ["get_local_path"]),
    "azureml.logging": ("workbench", ["get_azureml_logger"]),
    "azureml.core.model": ("workbench", ["Model"]),
    "inference_schema.schema_decorators": ("inference", ["input_schema", "output_schema"]),
    "inference_schema.schema_util": (
        "inference",
        ["get_input_schema", "get_output_schema", "get_supported_versions", "is_schema_decorated"],
    ),
    "inference_schema.parameter_types.abstract_parameter_type": ("inference", ["AbstractParameterType"]),
    "inference_schema.parameter_types.numpy_parameter_type": ("inference", ["NumpyParameterType"]),
    "inference_schema.parameter_types.pandas_parameter_type": ("inference", ["PandasParameterType"]),
    "inference_schema.parameter_types.spark_parameter_type": ("inference", ["SparkParameterType"]),
    "inference_schema.parameter_types.standard_py_parameter_type": ("inference", ["StandardPythonParameterType"]),
}
for _root in ("azureml.contrib.services", "azureml_inference_server_http.api"):
    TABLE[f"{_root}.aml_request"] = ("requests", ["AMLRequest", "rawhttp"])
    TABLE[f"{_root}.aml_response"] = ("requests", ["AMLResponse"])
for _root in ("azureml.api", "azure.ml.api"):
    for _name, _entry in _SDK.items():
        TABLE[f"{_root}.{_name}"] = _entry  # type: ignore[assignment]

#: names that are another package under an old name
ALIASES = {"sklearn.externals.joblib": "joblib"}

PACKAGES = {name.rsplit(".", count)[0] for name in list(TABLE) for count in range(1, name.count(".") + 1)} | {"sklearn.externals"}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, path: Any, target: Optional[ModuleType] = None) -> Optional[importlib.machinery.ModuleSpec]:
        if name in TABLE or name in PACKAGES or name in ALIASES:
            return importlib.machinery.ModuleSpec(name, self, is_package=name in PACKAGES)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        if name in ALIASES:
            sys.modules[name] = importlib.import_module(ALIASES[name])
        elif name in TABLE:
            ours, names = TABLE[name]
            source = importlib.import_module(f".{ours}", __name__)
            for each in names:
                setattr(module, each, getattr(source, each))


def install() -> None:
    """Make the old names importable in this process. Safe to repeat."""
    if not any(type(each).__qualname__ == "Finder" and type(each).__module__ == __name__ for each in sys.meta_path):
        sys.meta_path.append(Finder())
