"""The target runtimes a manifest may name, under the original's names."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Runtime:
    name: str
    label: str
    #: what it brings beside Python, for the page
    brings: str = ""
    #: requirement lines that are always installed with it; a person may name another version
    requirements: tuple[str, ...] = ()

    @property
    def pythons(self) -> list[str]:
        """The Python versions it can be had with, the usual one first."""
        return list(settings.PYTHON_VERSIONS)


RUNTIMES = {
    runtime.name: runtime
    for runtime in (
        Runtime("python", "Python"),
        Runtime("spark-py", "Spark with Python", "Java and Spark, from the base image the administrator set", ("pyspark",)),
    )
}
