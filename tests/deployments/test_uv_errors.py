"""What uv says, in our words: the sentences were taken from real runs of it."""

from __future__ import annotations

import pytest

from deployments.builds.builders.uv_errors import explain

NO = "error: No solution found when resolving dependencies\n  cause: "


@pytest.mark.parametrize(
    ("said", "code", "package"),
    [
        (
            "Because scikit-lern was not found in the package registry and you require scikit-lern, we can conclude that",
            "NoSuchPackage",
            "scikit-lern",
        ),
        ("Because there is no version of numpy==99.0 and you require numpy==99.0, we can conclude that", "NoSuchVersion", "numpy"),
        ("Because all versions of wsgiref have no usable wheels and you require wsgiref, we can conclude that", "NoWheel", "wsgiref"),
        (
            "Because azure-storage-file==2.1.0 has no usable wheels and you require it, we can conclude that",
            "NoWheel",
            "azure-storage-file",
        ),
        ("Because you require numpy==1.26.4 and numpy==2.0.0, we can conclude that", "Conflict", "numpy"),
    ],
)
def test_a_refusal_names_the_package_and_its_kind(said, code, package):
    error = explain(NO + said + " your requirements are unsatisfiable.", doing="Resolving")
    assert (error.code, error.package) == (code, package)
    assert package in error.message
