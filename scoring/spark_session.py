"""What a Spark session of this replica is given, whoever starts it first: memory and cores from the container's limits.

Spark reads PYSPARK_SUBMIT_ARGS when its Java is started, so a score file's own `SparkSession.builder.getOrCreate()`, our
building of SPARK inputs and `PipelineModel.load` all get the one session with these. What a score file sets itself wins.
"""

from __future__ import annotations

import importlib.util
import os
from typing import MutableMapping

from .explain import memory_limit

VARIABLE = "PYSPARK_SUBMIT_ARGS"
#: of the limit in MiB: half for Java's heap, the rest for Java itself, Python and its workers
SHARE, LEAST = 0.5, 256


def settle(environ: MutableMapping[str, str] = os.environ) -> None:
    """Before the score file is loaded; nothing when pyspark is not installed or somebody has said it already."""
    if VARIABLE in environ or importlib.util.find_spec("pyspark") is None:
        return
    environ[VARIABLE] = arguments(memory_limit(), environ.get("OMP_NUM_THREADS", ""))


def arguments(limit: int, threads: str) -> str:
    """`limit` in MiB, 0 for none: then Spark's own default of 1 GiB stays."""
    cores = threads if threads.isdecimal() and int(threads) else "1"
    memory = f"--driver-memory {max(LEAST, int(limit * SHARE))}m " if limit else ""
    return f"--master local[{cores}] {memory}--conf spark.ui.enabled=false pyspark-shell"
