"""azureml.datacollector, azureml.monitoring."""

from ..collect import ModelDataCollector

__all__ = ["ModelDataCollector"]
