"""The data plane: HAProxy, its configuration made from routes, and the changes applied while it runs."""

from deployments.gateway.apply import Applied, Gateway, GatewayError
from deployments.gateway.binary import HaproxyMissing, find_haproxy
from deployments.gateway.routes import KeyRoute, ReplicaRoute, RevisionBackend, Routes, ServiceRoute
from deployments.gateway.settings import GatewaySettings

__all__ = [
    "Applied",
    "Gateway",
    "GatewayError",
    "GatewaySettings",
    "HaproxyMissing",
    "KeyRoute",
    "ReplicaRoute",
    "RevisionBackend",
    "Routes",
    "ServiceRoute",
    "find_haproxy",
]
