"""Processes: what lives and moves."""

from deployments.models.collected import CollectedDay, CollectedPart, CollectedSource
from deployments.models.environments import Environment
from deployments.models.examples import ServiceExample
from deployments.models.following import Following
from deployments.models.golden import GoldenCheck, GoldenRequest, GoldenRun
from deployments.models.locks import Lease, PackageLock
from deployments.models.operations import Operation, OperationStep
from deployments.models.replicas import Replica
from deployments.models.revisions import Revision
from deployments.models.services import Service, ServiceKey
from deployments.models.traffic import ReadinessBucket, TrafficBucket, UsageBucket

__all__ = [
    "CollectedDay",
    "CollectedPart",
    "CollectedSource",
    "Environment",
    "Following",
    "GoldenCheck",
    "GoldenRequest",
    "GoldenRun",
    "Lease",
    "Operation",
    "OperationStep",
    "PackageLock",
    "ReadinessBucket",
    "Replica",
    "Revision",
    "Service",
    "ServiceExample",
    "ServiceKey",
    "TrafficBucket",
    "UsageBucket",
]
