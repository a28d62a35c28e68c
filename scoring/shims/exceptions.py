"""azureml.api.exceptions.*: run() raises them to answer with a status and a message of its own."""

from __future__ import annotations

from ..errors import Said

__all__ = [
    "ApiException",
    "BadRequestException",
    "ClientSideException",
    "InternalServerException",
    "NotFoundException",
    "ServerSideException",
    "ServiceUnavailableException",
    "TooManyRequestsException",
    "UnauthorizedException",
    "UnsupportedMediaTypeException",
]


class ApiException(Said):
    pass


class ClientSideException(ApiException):
    status_code = 400


class ServerSideException(ApiException):
    status_code = 500


class BadRequestException(ClientSideException):
    status_code = 400


class UnauthorizedException(ClientSideException):
    status_code = 401


class NotFoundException(ClientSideException):
    status_code = 404


class UnsupportedMediaTypeException(ClientSideException):
    status_code = 415


class TooManyRequestsException(ClientSideException):
    status_code = 429


class InternalServerException(ServerSideException):
    status_code = 500


class ServiceUnavailableException(ServerSideException):
    status_code = 503
