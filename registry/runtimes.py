"""The target runtimes a manifest may name, under the original's names."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

#: processes and threads that a container may have where its runtime needs no more
THREADS = 256


@dataclass(frozen=True, slots=True)
class Runtime:
    name: str
    label: str
    #: what it brings beside Python, for the page
    brings: str = ""
    #: requirement lines that are always installed with it; a person may name another version
    requirements: tuple[str, ...] = ()
    #: as THREADS
    threads: int = THREADS

    @property
    def pythons(self) -> list[str]:
        """The Python versions it can be had with, the usual one first."""
        return list(settings.PYTHON_VERSIONS)


RUNTIMES = {
    runtime.name: runtime
    for runtime in (
        Runtime("python", "Python"),
        # Spark's storage alone keeps up to 228 threads waiting for a minute after some quick calls, and Java ends a call that gets none.
        Runtime("spark-py", "Spark with Python", "Java and Spark, from the base image the administrator set", ("pyspark",), threads=1024),
    )
}
