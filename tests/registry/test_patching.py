"""One line of a dependency file is changed as its owner would change it, and everything else stays."""

from __future__ import annotations

import pytest

from registry import patching
from registry.requirements_files import parse_conda, parse_pip

PIP = "# trained with these\nscikit-lern[extra]==1.5.2 ; python_version > '3.8'  # pinned\nNumPy>=99,<100\npandas\n"
CONDA = """name: flowers
dependencies:
  - python=3.8
  - conda-forge::scikit-learn=9.9
  # the rest
  - numpy >=1
  - pip:
    - azure-lern==1.0  # ours
    - flask>=99
"""


@pytest.mark.parametrize(
    ("text", "change", "old", "new"),
    [
        (
            PIP,
            lambda text: patching.rename(text, "scikit-lern", "scikit-learn"),
            "scikit-lern[extra]==1.5.2 ; python_version > '3.8'  # pinned",
            "scikit-learn[extra]==1.5.2 ; python_version > '3.8'  # pinned",
        ),
        (PIP, lambda text: patching.pin(text, "numpy", "2.3.1"), "NumPy>=99,<100", "NumPy==2.3.1"),
        (PIP, lambda text: patching.pin(text, "pandas", "2.2"), "pandas", "pandas==2.2"),
        (CONDA, lambda text: patching.choose_python(text, "3.12"), "  - python=3.8", "  - python=3.12"),
        (
            CONDA,
            lambda text: patching.pin(text, "scikit-learn", "1.5.2"),
            "  - conda-forge::scikit-learn=9.9",
            "  - conda-forge::scikit-learn=1.5.2",
        ),
        (CONDA, lambda text: patching.pin(text, "flask", "3.0"), "    - flask>=99", "    - flask==3.0"),
        (
            CONDA,
            lambda text: patching.rename(text, "azure-lern", "azure-learn"),
            "    - azure-lern==1.0  # ours",
            "    - azure-learn==1.0  # ours",
        ),
    ],
)
def test_one_line_changes(text, change, old, new):
    found = change(text)
    assert (found.old, found.new) == (old, new)
    assert found.text == text.replace(old, new)
    assert found.text.split("\n")[found.number - 1] == new


@pytest.mark.parametrize(
    ("text", "conda", "expected"),
    [
        ("numpy\n", False, "numpy\nscikit-learn\n"),
        ("numpy", False, "numpy\nscikit-learn\n"),
        ("", False, "scikit-learn\n"),
        (CONDA, True, f"{CONDA.rstrip()}\n    - scikit-learn\n"),
        ("dependencies:\n- numpy\n", True, "dependencies:\n- numpy\n- scikit-learn\n"),
    ],
)
def test_a_package_is_added_behind_the_last_one(text, conda, expected):
    found = patching.add(text, "scikit-learn", conda=conda)
    assert found.text == expected and found.old is None
    assert any(line.startswith("scikit-learn") for line in (parse_conda if conda else parse_pip)(expected.encode()).lines)


def test_what_is_not_there_or_would_not_change_is_left():
    assert patching.rename(PIP, "flask", "fask") is None
    assert patching.pin("numpy==1.0\n", "numpy", "1.0") is None
    assert patching.choose_python("dependencies:\n- numpy\n", "3.12") is None
    assert patching.add("dependencies:\n- numpy\n", "only-on-pypi", conda=True) is None
