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

_SCHEMA_FILES = ["ServiceSchema", "json", "load_service_schema", "parse_service_input", "save_service_schema"]
_SDK = {
    "schema.dataTypes": ("schema_sdk", ["DataTypes"]),
    "schema.sampleDefinition": ("schema_sdk", ["SampleDefinition"]),
    "schema.schemaUtil": ("schema_sdk", _SCHEMA_FILES),
    "schema.schemaObjects": ("schema_sdk", ["ServiceSchema"]),
    "schema.numpyUtil": ("schema_sdk", ["NumpyUtil", "Numpy as NumpySchema"]),
    "schema.pandasUtil": ("schema_sdk", ["PandasUtil", "Pandas as PandasSchema"]),
    "schema.sparkUtil": ("schema_sdk", ["SparkUtil", "Spark as SparkSchema"]),
    "schema.pythonUtil": ("schema_sdk", ["PythonUtil", "Standard as PythonSchema"]),
    "realtime.services": ("schema_sdk", ["generate_schema"]),
    "realtime.swagger_spec_generator": ("schema_sdk", ["generate_service_swagger"]),
    "exceptions.ApiException": ("exceptions", ["ApiException"]),
    "exceptions.ClientSideException": ("exceptions", ["ClientSideException"]),
    "exceptions.ServerSideException": ("exceptions", ["ServerSideException"]),
    "exceptions.BadRequest": ("exceptions", ["BadRequestException"]),
    "exceptions.Unauthorized": ("exceptions", ["UnauthorizedException"]),
    "exceptions.NotFound": ("exceptions", ["NotFoundException"]),
    "exceptions.UnsupportedMediaType": ("exceptions", ["UnsupportedMediaTypeException"]),
    "exceptions.TooManyRequests": ("exceptions", ["TooManyRequestsException"]),
    "exceptions.InternalServerError": ("exceptions", ["InternalServerException"]),
    "exceptions.ServiceUnavailable": ("exceptions", ["ServiceUnavailableException"]),
}
_LATER = {
    "data_types": ("schema_sdk", ["DataTypes"]),
    "sample_definition": ("schema_sdk", ["SampleDefinition"]),
    "schema_generation": ("schema_sdk", ["generate_schema"]),
    "schema_util": ("schema_sdk", _SCHEMA_FILES),
    "swagger_spec_generator": ("schema_sdk", ["generate_service_swagger"]),
    "_numpy_util": ("schema_sdk", ["NumpyUtil", "Numpy as NumpySchema"]),
    "_pandas_util": ("schema_sdk", ["PandasUtil", "Pandas as PandasSchema"]),
    "_spark_util": ("schema_sdk", ["SparkUtil", "Spark as SparkSchema"]),
    "_python_util": ("schema_sdk", ["PythonUtil", "Standard as PythonSchema"]),
    "schema_exceptions.api_exception": ("exceptions", ["ApiException"]),
    "schema_exceptions.client_side_exception": ("exceptions", ["BadRequestException", "ClientSideException"]),
    "schema_exceptions.server_side_exception": ("exceptions", ["InternalServerException", "ServerSideException"]),
}
#: import name -> (our module, names of it, "ours as theirs" where they differ)
TABLE: Dict[str, Tuple[str, Sequence[str]]] = {
    "azureml.datacollector": ("collectors", ["ModelDataCollector"]),
    "azureml.datacollector.modeldatacollector": ("collectors", ["ModelDataCollector"]),
    "azureml.monitoring": ("collectors", ["ModelDataCollector"]),
    "azureml.ai.monitoring": ("collectors", ["Collector"]),
    "azureml.ai.monitoring.collector": ("collectors", ["Collector"]),
    "azureml.ai.monitoring.context": ("collectors", ["BasicCorrelationContext", "CorrelationContext", "get_context"]),
    "azureml.assets": ("workbench", ["get_local_path"]),
    "azureml.logging": ("workbench", ["get_azureml_logger"]),
    "azureml.core": ("workbench", ["Model"]),
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
for _name, _entry in _LATER.items():
    TABLE[f"azureml.webservice_schema.{_name}"] = _entry

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
                here, _, there = each.partition(" as ")
                setattr(module, there or here, getattr(source, here))


def install() -> None:
    """Make the old names importable in this process. Safe to repeat."""
    if not any(type(each).__qualname__ == "Finder" and type(each).__module__ == __name__ for each in sys.meta_path):
        sys.meta_path.append(Finder())
