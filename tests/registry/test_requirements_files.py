"""Dependency files: what is understood is written anew, everything else is refused with its line and a cure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from registry.requirements_files import MOST_BYTES, RequirementsError, line_of, parse_conda, parse_pip

CONDA = """name: project_environment
channels:
  - conda-forge
dependencies:
  - python=3.11
"""


def refused(parse, text: str | bytes) -> RequirementsError:
    with pytest.raises(RequirementsError) as error:
        parse(text.encode() if isinstance(text, str) else text)
    return error.value


def conda(*entries: str):
    return parse_conda((CONDA + "".join(f"  - {entry}\n" for entry in entries)).encode())


def test_a_pip_file_is_sorted_and_canonical():
    text = "# what score.py needs\n\nScikit_Learn >= 1.2, <2  # newest\r\nnumpy\nPandas[Excel]==2.1.0\nhttptools~=0.6 ; python_version>='3.9'\n"
    expected = ['httptools~=0.6 ; python_version >= "3.9"', "numpy", "pandas[excel]==2.1.0", "scikit-learn<2,>=1.2"]
    assert parse_pip(text.encode()).lines == expected


def test_order_case_and_comments_do_not_matter():
    assert parse_pip(b"b>=1,<2\nA\n").lines == parse_pip(b"# x\na\nB<2, >=1\na\n").lines


def test_an_empty_file_asks_for_nothing():
    assert parse_pip(b"# nothing\n\n").lines == [] and parse_pip(b"\xef\xbb\xbfsix\n").lines == ["six"]


@pytest.mark.parametrize(
    "line",
    [
        "-r /etc/passwd", "-e git+https://example.org/x", "--index-url https://example.org/simple", "--extra-index-url=https://example.org", "-i x",
        "six==1.17.0 --hash=sha256:00", "--hash=sha256:00", "-c constraints.txt", "--find-links /tmp", "--trusted-host x", "-f .", "--pre",
        "six @ https://example.org/six.whl", "six @ file:///etc/passwd", "six@file:///x", "https://example.org/six.whl", "git+ssh://git@example.org/x",
        "file:///etc/passwd", "./local", "../up", "/etc/passwd", "~/x", "folder/six.whl", "six.whl", "six-1.0.tar.gz", "C:\\x", "six \\",
        "six===1.17", "six==not a version", "six==1;evil", "$(touch x)", "`id`", "six; import os", "${SECRET}", "%HOME%", "a b", "six,numpy",
    ],
)  # fmt: skip
def test_what_is_no_package_with_a_version_is_refused_by_its_line(line):
    error = refused(parse_pip, f"numpy\n\n{line}\n")
    assert error.line == 3 and str(error).startswith("line 3: ") and error.message.endswith(".")
    inner = refused(parse_conda, f"{CONDA}  - pip:\n    - numpy\n    - '{line}'\n")
    assert inner.line == 8


@pytest.mark.parametrize("text", ["a\x00b", "six\x1b[31m", "six\u202e", "six\u2028numpy", "six\x0bnumpy", "six\u200b", "\x85six"])
def test_characters_that_cannot_be_seen_are_refused(text):
    assert refused(parse_pip, f"numpy\n{text}\n").line == 2


def test_the_content_of_a_line_is_not_repeated():
    error = refused(parse_pip, "six root:x:0:0:secret-content:/root:/bin/bash\n")
    assert "secret-content" not in str(error)
    error = refused(parse_pip, b"six\n\xff\xfe not text\n")
    assert error.line == 2 and "UTF-8" in error.message


@pytest.mark.parametrize("line", ["six; " + "(" * 30_000, "six==" + "9" * 6000, "six<" + "1," * 20_000 + "<1", "six[" + "x," * 9000 + "x]"])
def test_a_line_that_would_take_its_reader_down_is_refused(line):
    assert refused(parse_pip, f"numpy\n{line}\n").line == 2
    assert refused(parse_conda, f'{CONDA}  - pip:\n    - "{line}"\n').line == 7
    assert refused(parse_conda, f'{CONDA}  - "{line}"\n').line == 6


def test_limits():
    assert "65,536" in refused(parse_pip, b"#" * (MOST_BYTES + 1)).message
    parse_pip("".join(f"package{number}\n" for number in range(200)).encode())
    assert refused(parse_pip, "".join(f"package{number}\n" for number in range(201))).line == 201


def test_packages_of_the_ended_service_are_left_out_with_a_note():
    found = parse_pip(b"azure-ml-api-sdk==0.1.0a11\nazureml.datacollector==0.1.0a13\nazureml-api-sdk\nsix\n")
    assert found.lines == ["six"] and len(found.notes) == 3 and "scoring runtime" in found.notes[0]


def test_the_originals_own_conda_file():
    text = b"""name: project_environment
dependencies:
  - python=3.5.2
  - pip:
    - azure-ml-api-sdk==0.1.0.a9
    - azureml.datacollector==0.1.0a13
"""
    found = parse_conda(text)
    assert found.lines == [] and found.python == "3.5" and len(found.notes) == 2


@pytest.mark.parametrize(
    "entry, line",
    [
        ("scikit-learn", "scikit-learn"), ("numpy=1.26", "numpy==1.26.*"), ("numpy==1.26.4", "numpy==1.26.4"), ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4.*"),
        ("numpy 1.26.*", "numpy==1.26.*"), ("numpy=1.26.*", "numpy==1.26.*"), ("numpy>=1.26,<2", "numpy<2,>=1.26"), ("numpy >=1.26, <2", "numpy<2,>=1.26"),
        ("numpy 1.26.4", "numpy==1.26.4"), ("numpy==1.26.4=py311_0", "numpy==1.26.4"), ("conda-forge::numpy=1.26", "numpy==1.26.*"),
        ("pytorch=2.1", "torch==2.1.*"), ("py-xgboost", "xgboost"), ("matplotlib-base", "matplotlib"), ("PyYAML", "pyyaml"), ("numpy=2.0.0rc1", "numpy==2.0.0rc1"),
    ],
)  # fmt: skip
def test_conda_names_and_versions_are_translated(entry, line):
    assert conda(f'"{entry}"').lines == [line]


def test_what_conda_names_beside_packages_is_left_out_with_a_note():
    found = conda("pip", "openssl=1.1", "_libgcc_mutex=0.1=main", "six")
    assert found.lines == ["six"] and found.python == "3.11" and len(found.notes) == 4


def test_a_range_of_pythons_chooses_none():
    found = parse_conda(b"dependencies:\n  - python>=3.9\n  - six\n")
    assert found.python is None and "range" in found.notes[0]


@pytest.mark.parametrize(
    "entry",
    ["r-base", "unknown-thing", "https://example.org/x.conda", "/etc/passwd", "./x", "numpy[version='1']", "a::b::numpy", "numpy=1|2", "numpy=x y z w",
     "numpy>=>1", "-e .", "six && id", "{six: 1}", "[six]"],
)  # fmt: skip
def test_conda_entries_that_cannot_be_used_are_refused_by_line(entry):
    error = refused(parse_conda, f"{CONDA}  - six\n  - {entry}\n")
    assert error.line == 7 and error.message.endswith(".")


def test_an_unknown_conda_package_says_what_to_do():
    assert refused(parse_conda, f"{CONDA}  - r-base\n").message.startswith(
        "`r-base` is not a conda package that is known here: if PyPI has it"
    )


@pytest.mark.parametrize(
    "text, line",
    [
        ("dependencies: &all\n  - six\n", 1), ("dependencies:\n  - &x six\n  - *x\n", 2), ("dependencies:\n  - !!python/object:os.system six\n", 2),
        ("dependencies:\n  - !x six\n", 2), ("name: x\nvariables:\n  A: b\ndependencies: []\n", 2), ("prefix: /home/x\ndependencies: []\n", 1),
        ("channels:\n  - file:///tmp\ndependencies: []\n", 2), ("channels:\n  - https://example.org\ndependencies: []\n", 2), ("channels: x\ndependencies: []\n", 1),
        ("- six\n", 1), ("just words\n", 1), ("dependencies: six\n", 1), ("dependencies:\n  - pip: six\n", 2), ("dependencies:\n  - npm:\n    - x\n", 2),
        ("dependencies: []\n---\ndependencies: []\n", 2), ("a: [[[[[[[[x]]]]]]]]\ndependencies: []\n", 1), ("dependencies: []\ndependencies: []\n", 1),
        ("name: x\n", 1), ("dependencies:\n  - 'six\n", None), ("? [a]\n: b\n", 1), ("dependencies:\n  - |\n    six\n    numpy\n", 2), ("", 1),
    ],
)  # fmt: skip
def test_yaml_that_is_more_than_a_list_is_refused(text, line):
    error = refused(parse_conda, text)
    assert line is None or error.line == line


def test_deep_yaml_is_refused_quickly():
    assert refused(parse_conda, "dependencies: " + "[" * 60_000)
    assert refused(parse_conda, "{a: " * 10_000)


def test_the_line_of_a_package_is_found_by_any_of_its_names():
    assert line_of(b"# x\nnumpy\nScikit_Lern>=1\n", "scikit-lern") == 3
    assert line_of(b"dependencies:\n  - python=3.11\n  - conda-forge::pytorch=2\n  - pip:\n    - 'six==1'\n", "torch") == 3
    assert line_of(b"dependencies:\n  - pip:\n    - 'six==1'\n", "six") == 3
    assert line_of(b"numpy\n", "six") is None


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("abc-_.=<>!~[]; @:/\\'\"$`#\n\t*,1&|{}"), max_size=60))
def test_whatever_comes_is_read_or_refused_and_only_packages_go_on(text):
    for parse in (parse_pip, parse_conda):
        try:
            found = parse(text.encode())
        except RequirementsError:
            continue
        for line in found.lines:
            assert Requirement(line).url is None and not line.startswith("-") and "\n" not in line
