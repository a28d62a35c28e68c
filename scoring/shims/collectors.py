"""azureml.datacollector, azureml.monitoring and azureml.ai.monitoring."""

from __future__ import annotations

import time
import uuid
from typing import Any, Callable, Dict, Optional

from ..collect import NOBODY, ModelDataCollector

__all__ = ["BasicCorrelationContext", "Collector", "CorrelationContext", "ModelDataCollector", "get_context"]


class CorrelationContext:
    """What belongs together: `collect` returns one for the next `collect`."""

    def __init__(self) -> None:
        pass

    def get_id(self) -> str:
        return ""

    def __str__(self) -> str:
        return self.get_id()


class BasicCorrelationContext(CorrelationContext):
    def __init__(self, id: Optional[str] = None, timestamp: Optional[int] = None, headers: Optional[Dict[str, str]] = None):
        super().__init__()
        self.id, self.timestamp, self.headers = id or str(uuid.uuid4()), timestamp or int(time.time()), headers or {}

    def get_id(self) -> str:
        return self.id

    def get_timestamp(self) -> int:
        return self.timestamp

    def get_headers(self) -> Dict[str, str]:
        return self.headers


def get_context() -> BasicCorrelationContext:
    return BasicCorrelationContext()


class _Ours(BasicCorrelationContext):
    """Made by `collect` for want of one: the request's own id joins the rows."""


class Collector:
    """The third collector: `collect(frame)` returns the context that `collect(predictions, context)` is given."""

    def __init__(self, *, name: str, on_error: Optional[Callable[[Exception], Any]] = None):
        self.name, self.on_error = name, on_error
        self._collector = ModelDataCollector(NOBODY, identifier=name)

    def collect(self, data: Any, correlation_context: Optional[CorrelationContext] = None) -> CorrelationContext:
        context = correlation_context if correlation_context is not None else _Ours()
        self._collector.collect(data, "" if isinstance(context, _Ours) else context.get_id())
        return context
