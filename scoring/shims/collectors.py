"""azureml.datacollector, azureml.monitoring and azureml.ai.monitoring."""

from __future__ import annotations

import time
import uuid
from typing import Dict, Optional

from ..collect import Collector, CorrelationContext, ModelDataCollector

__all__ = ["BasicCorrelationContext", "Collector", "CorrelationContext", "ModelDataCollector", "get_context"]


class BasicCorrelationContext(CorrelationContext):
    """A correlation that the score file makes itself."""

    def __init__(self, id: Optional[str] = None, timestamp: Optional[int] = None, headers: Optional[Dict[str, str]] = None):
        super().__init__(id or str(uuid.uuid4()))
        self.timestamp, self.headers = timestamp or int(time.time()), headers or {}

    def get_timestamp(self) -> int:
        return self.timestamp

    def get_headers(self) -> Dict[str, str]:
        return self.headers


def get_context() -> BasicCorrelationContext:
    return BasicCorrelationContext()
