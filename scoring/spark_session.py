"""The one Spark session of a replica, with memory and cores from the container's limits.

With the runtime spark-py it is started before the score file is loaded, as files that begin with `PipelineModel.load` expect.
Elsewhere the first who asks starts it: Spark reads PYSPARK_SUBMIT_ARGS when it starts its Java.
"""

from __future__ import annotations

import importlib.util
import os
from typing import MutableMapping

from .errors import DriverFailed
from .explain import memory_limit

#: the runtime of a bundle that is given a session
RUNTIME = "spark-py"
VARIABLE = "PYSPARK_SUBMIT_ARGS"
#: of the limit in MiB: half for Java's heap, the rest for Java itself, Python and its workers
SHARE, LEAST = 0.5, 256
#: the quick compiler alone, and the collector that needs no threads of its own
JAVA = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"


def settle(environ: MutableMapping[str, str] = os.environ) -> None:
    """Before the score file is loaded; nothing when pyspark is not installed or somebody has said it already."""
    if VARIABLE in environ or importlib.util.find_spec("pyspark") is None:
        return
    environ[VARIABLE] = arguments(memory_limit(), environ.get("OMP_NUM_THREADS", ""))
    # A replica answers with few rows: what it takes to start counts for more than what long jobs would gain.
    environ.setdefault("JDK_JAVA_OPTIONS", JAVA)
    # A container that has no network cannot look up its own name, which Java asks for.
    environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    environ.setdefault("SPARK_LOCAL_HOSTNAME", "localhost")


def start() -> None:
    """Raises DriverFailed when Spark, or the Java it runs on, cannot be started."""
    try:
        from pyspark.sql import SparkSession

        SparkSession.builder.appName("scoring").getOrCreate().sparkContext.setLogLevel("WARN")
    except Exception as error:
        raise DriverFailed(f"Spark could not be started: {type(error).__name__}: {str(error)[:500]}") from None


def arguments(limit: int, threads: str) -> str:
    """`limit` in MiB, 0 for none: then Spark's own default of 1 GiB stays."""
    cores = threads if threads.isdecimal() and int(threads) else "1"
    memory = f"--driver-memory {max(LEAST, int(limit * SHARE))}m " if limit else ""
    return f"--master local[{cores}] {memory}--conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false pyspark-shell"
