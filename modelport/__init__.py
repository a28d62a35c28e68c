"""The client of a Modelport portal.

    from modelport import Portal

    portal = Portal("http://127.0.0.1:8080", "mpu_...", group="demo")
    operation = portal.deploy("iris", model="model.pkl", driver="score.py", pip_file="requirements.txt")
    service = operation.result(on_step=print)
    service.score({"input_df": [{"sepal length": 3.0, "sepal width": 3.6, "petal length": 1.3, "petal width": 0.25}]})

It speaks only REST and imports nothing of the portal.
"""

from .errors import ClientError, OperationFailed
from .portal import Portal

__version__ = "0.1.0"
__all__ = ["ClientError", "OperationFailed", "Portal", "__version__"]
