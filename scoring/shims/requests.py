"""azureml.contrib.services.* and azureml_inference_server_http.api.*: the raw request and answer."""

from ..rawhttp import AMLRequest, AMLResponse, rawhttp

__all__ = ["AMLRequest", "AMLResponse", "rawhttp"]
