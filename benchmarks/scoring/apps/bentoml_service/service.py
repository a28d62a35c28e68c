import os

import bentoml
import joblib
import pandas as pd

WORKERS = int(os.environ.get("BENCH_WORKERS", "1"))
MODEL = os.path.join(os.environ["MODEL_DIR"], "model.joblib")

if os.environ.get("BENCH_BATCHING"):

    @bentoml.service(workers=WORKERS)
    class Iris:
        def __init__(self) -> None:
            self.model = joblib.load(MODEL)

        # A frame as batchable input is never answered by this release; a list of dictionaries is.
        @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1000)
        def predict(self, data: list[dict[str, float]]) -> list[int]:
            return self.model.predict(pd.DataFrame(data)).tolist()

else:

    @bentoml.service(workers=WORKERS)
    class Iris:
        def __init__(self) -> None:
            self.model = joblib.load(MODEL)

        @bentoml.api
        def predict(self, data: pd.DataFrame) -> list[int]:
            return self.model.predict(data).tolist()
