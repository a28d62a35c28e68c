"""Dependency files -> normalised requirement lines. Nothing of a file but checked names and versions goes on.

A file can hold lines that make a tool read other files, other indexes or other people's code. So no tool ever
sees it: it is parsed here with limits, and what is understood is written anew. Everything else is refused with the
line and what to do; of a line that is not understood, at most its first word is repeated.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

import yaml
from django.utils.translation import gettext as _
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from registry.known_packages import CONDA_TO_PYPI, REPLACED_BY_RUNTIME, SAME_NAME

MOST_BYTES, MOST_PACKAGES, LONGEST_LINE, DEEPEST = 64 * 1024, 200, 500, 5

_SAME_NAME = {canonicalize_name(name) for name in SAME_NAME}
_CONDA_KEYS = ("name", "channels", "dependencies")
_CONDA_SPEC = re.compile(r"(?:[A-Za-z0-9_.-]+::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(.*)", re.DOTALL)
_OPTION = re.compile(r"--?[A-Za-z][A-Za-z-]*")


class RequirementsError(ValueError):
    """What cannot be used, in one sentence with the cure; `line` counts from 1, None when it is about the whole file."""

    def __init__(self, message: str, line: int | None = None):
        super().__init__(f"line {line}: {message}" if line else message)
        self.message, self.line = message, line


@dataclass(frozen=True, slots=True)
class Requirements:
    """`lines` are sorted and canonical, `python` ("3.11") only when the file chooses it, `notes` say what was changed."""

    lines: list[str]
    python: str | None = None
    notes: list[str] = field(default_factory=list)


def parse_pip(data: bytes) -> Requirements:
    """A requirements.txt with package names and versions."""
    wanted = _Wanted()
    for number, line in enumerate(_text(data).split("\n"), 1):
        text = re.sub(r"(^|\s)#.*$", "", line.rstrip("\r")).strip()
        if text:
            wanted.add_pip(text, number)
    return wanted.result()


def parse_conda(data: bytes) -> Requirements:
    """A conda environment file: `python=` chooses the runtime, `pip:` is taken as it is, known conda names are translated."""
    wanted, python = _Wanted(), None
    for key, node in _conda_document(_text(data)):
        line = key.start_mark.line + 1
        if key.value not in _CONDA_KEYS:
            raise RequirementsError(
                _("`%(value)s:` is not used here: remove it. A conda file may have %(conda_keys)s.")
                % {"value": _word(key.value), "conda_keys": ", ".join(_CONDA_KEYS)},
                line,
            )
        if key.value == "channels":
            _check_channels(node)
            wanted.notes.append("Channels are not used: packages come from the package index of this portal.")
        if key.value != "dependencies":
            continue
        for item in _items(node, "dependencies"):
            if isinstance(item, yaml.MappingNode):
                for entry in _pip_list(item):
                    wanted.add_pip(_scalar(entry), entry.start_mark.line + 1)
                continue
            name, version = _conda_spec(_scalar(item), item.start_mark.line + 1)
            if name == "python":
                python = _python(version, item.start_mark.line + 1, wanted.notes) or python
            else:
                wanted.add_conda(name, version, item.start_mark.line + 1)
    return wanted.result(python)


def line_of(data: bytes, package: str) -> int | None:
    """The line of a dependency file that asks for `package` (its PyPI name), to point at it when it cannot be installed."""
    names = {package, *(conda for conda, pypi in CONDA_TO_PYPI.items() if pypi and canonicalize_name(pypi) == canonicalize_name(package))}
    wanted = {canonicalize_name(name) for name in names}
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        found = re.match(r"\s*(?:-\s+)?[\"']?(?:[A-Za-z0-9_.-]+::)?([A-Za-z0-9_][A-Za-z0-9._-]*)", line)
        if found and canonicalize_name(found[1]) in wanted:
            return number
    return None


class _Wanted:
    """What was asked for so far."""

    def __init__(self) -> None:
        self.lines: set[str] = set()
        self.notes: list[str] = []

    def result(self, python: str | None = None) -> Requirements:
        return Requirements(sorted(self.lines), python, self.notes)

    def add_pip(self, text: str, line: int) -> None:
        _refuse_what_is_no_package(text, line)
        try:
            found = Requirement(text)
        except InvalidRequirement as error:
            raise RequirementsError(
                _("`%(text)s` is not a package with a version: write it as `name==1.2.3`.") % {"text": _word(text)}, line
            ) from error
        # The reader takes a name that ends in "_"; PEP 508 does not, and its normal form would end in "-".
        if not found.name[-1].isalnum():
            raise RequirementsError(
                _("`%(name)s` is not a package's name: it ends with a letter or a digit.") % {"name": _word(found.name)}, line
            )
        if found.url:
            raise RequirementsError(_("A package from a URL cannot be used: name a version that is on the package index."), line)
        if any(specifier.operator == "===" for specifier in found.specifier):
            raise RequirementsError(_("`===` cannot be used: write `==`."), line)
        if canonicalize_name(found.name) in REPLACED_BY_RUNTIME:
            self.notes.append(f"{found.name} is left out: the scoring runtime has what it offered.")
            return
        extras = f"[{','.join(sorted(canonicalize_name(extra) for extra in found.extras))}]" if found.extras else ""
        specifier = ",".join(sorted(str(part) for part in found.specifier))
        marker = f" ; {found.marker}" if found.marker else ""
        self.lines.add(f"{canonicalize_name(found.name)}{extras}{specifier}{marker}")
        if len(self.lines) > MOST_PACKAGES:
            raise RequirementsError(
                _("There are more than %(most_packages)s packages: list only those that score.py imports.")
                % {"most_packages": MOST_PACKAGES},
                line,
            )

    def add_conda(self, name: str, version: str, line: int) -> None:
        conda = name.lower()
        if canonicalize_name(conda) in REPLACED_BY_RUNTIME:
            return self.add_pip(canonicalize_name(conda), line)
        pypi = CONDA_TO_PYPI.get(conda, conda if canonicalize_name(conda) in _SAME_NAME else None)
        if pypi is None:
            cure = _("if PyPI has it, list it under `pip:` by its PyPI name; otherwise remove it.")
            raise RequirementsError(
                _("`%(name)s` is not a conda package that is known here: %(cure)s") % {"name": _word(name), "cure": cure}, line
            )
        if not pypi:
            self.notes.append(f"{conda} is left out: the packages from the index bring what they need.")
            return
        if canonicalize_name(pypi) != canonicalize_name(conda):
            self.notes.append(f"{conda} is {pypi} on the package index.")
        self.add_pip(pypi + _conda_version(version, line), line)


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise RequirementsError(
            _("The file has %(count)s bytes; the most is %(most_bytes)s.")
            % {"count": format(len(data), ","), "most_bytes": format(MOST_BYTES, ",")}
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RequirementsError(_("This is not UTF-8 text: save the file as UTF-8."), line) from error
    for number, line in enumerate(text.split("\n"), 1):
        if any(
            unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
            for character in line.removesuffix("\r")
            if character != "\t"
        ):
            raise RequirementsError(_("There is a control character or an invisible one: type the line anew."), number)
    return text


def _refuse_what_is_long(text: str, line: int) -> None:
    if len(text) > LONGEST_LINE:
        # What reads it goes deeper with each bracket, and a number may have only so many digits.
        raise RequirementsError(
            _("The line is longer than %(longest_line)s characters: write one package and its version on it.")
            % {"longest_line": LONGEST_LINE},
            line,
        )


def _refuse_what_is_no_package(text: str, line: int) -> None:
    _refuse_what_is_long(text, line)
    if option := re.search(r"(?:^|\s)(--?[A-Za-z][A-Za-z-]*)", text):
        cure = _("package indexes are the administrator's setting, and hashes are added by the portal")
        raise RequirementsError(
            _("The option `%(option)s` cannot be used here (%(cure)s): remove it.") % {"option": _OPTION.match(option[1])[0], "cure": cure},
            line,
        )
    if text.endswith("\\"):
        raise RequirementsError(_("A package stands on one line: remove the backslash."), line)
    if "$" in text or "%" in text:
        raise RequirementsError(_("Variables cannot be used: write names and versions as they are."), line)
    specification = text.partition(";")[0]
    if "://" in text or re.search(r"@|\bgit\+|\bfile:", specification):
        raise RequirementsError(_("A package from a URL or a file cannot be used: name a version that is on the package index."), line)
    if (
        re.match(r"[./~]", text)
        or "/" in specification
        or "\\" in specification
        or re.search(r"\.(whl|zip|tar\.\w+|tgz)$", specification.strip())
    ):
        raise RequirementsError(_("A path cannot be used: name a version that is on the package index."), line)


def _word(text: str) -> str:
    """The first word of what somebody wrote, short enough to repeat."""
    return re.split(r"[\s<>=!~;,\[\]()]", text.strip(), maxsplit=1)[0][:40].replace("`", "'")


# -- conda ----------------------------------------------------------------------


def _conda_document(text: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """The top level's pairs. Aliases, anchors and tags are refused before anything is built from them."""
    depth, documents = 0, 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise RequirementsError(_("Anchors and aliases (& and *) cannot be used: write the value out."), line)
            if getattr(event, "tag", None):
                raise RequirementsError(_("A tag (!) cannot be used: write the plain value."), line)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            documents += isinstance(event, yaml.DocumentStartEvent)
            if depth > DEEPEST or documents > 1:
                raise RequirementsError(_("This is nested too deeply, or a second document: a conda file is one short list."), line)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise RequirementsError(_("This is not YAML: check the indentation and the quotes."), mark.line + 1 if mark else None) from error
    if not isinstance(root, yaml.MappingNode) or not all(isinstance(key, yaml.ScalarNode) for key, _ in root.value):
        raise RequirementsError(_("A conda file starts with `dependencies:` and a list."), 1)
    seen = [key.value for key, _ in root.value]
    if "dependencies" not in seen or len(set(seen)) != len(seen):
        raise RequirementsError(_("A conda file has each key once, and `dependencies:` is one of them."), 1)
    return root.value


def _items(node: yaml.Node, key: str) -> list[yaml.Node]:
    if isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null"):
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise RequirementsError(
            _("`%(key)s:` needs a list, each entry on a line that starts with `-`.") % {"key": key}, node.start_mark.line + 1
        )
    return node.value


def _scalar(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or "\n" in node.value or not node.value.strip():
        raise RequirementsError(_("An entry is one package on one line."), node.start_mark.line + 1)
    _refuse_what_is_long(node.value, node.start_mark.line + 1)
    return node.value.strip()


def _pip_list(node: yaml.MappingNode) -> list[yaml.Node]:
    [*pairs] = node.value
    if len(pairs) != 1 or not isinstance(pairs[0][0], yaml.ScalarNode) or pairs[0][0].value != "pip":
        raise RequirementsError(_("Only `pip:` may hold a list of its own."), node.start_mark.line + 1)
    return _items(pairs[0][1], "pip")


def _check_channels(node: yaml.Node) -> None:
    for item in _items(node, "channels"):
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", _scalar(item)):
            raise RequirementsError(_("A channel is a name such as conda-forge: remove URLs and paths."), item.start_mark.line + 1)


def _conda_spec(text: str, line: int) -> tuple[str, str]:
    if re.search(r"://|[\[\]\\/]|::.*::", text) or text.startswith((".", "-", "~")):
        raise RequirementsError(_("A URL, a path or an option in brackets cannot be used: write `name=1.2`."), line)
    found = _CONDA_SPEC.fullmatch(text)
    if not found:
        raise RequirementsError(_("`%(text)s` is not a conda package with a version: write `name=1.2`.") % {"text": _word(text)}, line)
    return found[1], found[2].strip()


def _conda_version(version: str, line: int) -> str:
    """conda's version words in pip's: `=1.2` and `1.2.*` are a prefix, `==1.2` is exact, a build string is dropped."""
    if not version:
        return ""
    if "|" in version:
        raise RequirementsError(_("`|` (either version) cannot be used: choose one range such as `>=1.2,<2`."), line)
    single = re.fullmatch(r"(==?|)\s*([A-Za-z0-9.!+_*]+?)(?:(?:\s*=\s*|\s+)[A-Za-z0-9_.*]+)?", version)
    try:
        if not single:
            return str(SpecifierSet(version.replace(" ", "")))
        operator, number = single[1], single[2]
        exact = operator != "=" and not number.endswith("*")
        parsed = Version(number.removesuffix("*").removesuffix("."))
        fuzzy = not (exact or parsed.is_prerelease or parsed.is_postrelease or parsed.local)
        return f"=={parsed}.*" if fuzzy else f"=={parsed}"
    except (InvalidVersion, InvalidSpecifier) as error:
        raise RequirementsError(_("This version cannot be read: write `name=1.2` or `name>=1.2,<2`."), line) from error


def _python(version: str, line: int, notes: list[str]) -> str | None:
    found = re.match(r"(?:==?)?\s*(\d+\.\d+)(?:$|[.\s=*])", version)
    if found:
        return found[1]
    if version:
        _conda_version(version, line)
        notes.append("The conda file asks for a range of Python versions: the one chosen for the manifest is used.")
    return None
