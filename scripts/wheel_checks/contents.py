"""What the built files are: read from the archives, nothing installed."""

import email.message
import email.parser
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CORE = "dw-core"
META = "durable-workflow"
APPLICATIONS = {META, "dw-cli"}  # stand above the libraries and may depend on all of them


class CheckFailed(Exception):
    """A wheel is not what it must be."""


@dataclass(frozen=True)
class Wheel:
    """One built wheel and what its metadata says."""

    path: Path
    name: str
    version: str
    requires: tuple[str, ...]
    extras: tuple[str, ...]
    metadata: email.message.Message
    pure: bool
    files: frozenset[str]
    licences: frozenset[str]

    @property
    def is_library(self) -> bool:
        """Whether this wheel is bound to need dw-core and no other wheel of ours."""
        return self.name not in APPLICATIONS

    @property
    def entries(self) -> tuple[str, ...]:
        """The public modules and packages directly under `durable_workflow` that it ships."""
        shipped = {
            path.split("/")[1] for path in self.files if path.startswith("durable_workflow/")
        }
        names = {name.removesuffix(".py") for name in shipped if name != "py.typed"}
        return tuple(sorted(name for name in names if not name.startswith("_")))


def read_wheel(path: Path) -> Wheel:
    """Read name, version, requirements and paths of a wheel file."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        metadata = _headers(archive, names, "METADATA")
        tags = _headers(archive, names, "WHEEL")
    return Wheel(
        path=path,
        name=str(metadata["Name"]),
        version=str(metadata["Version"]),
        requires=tuple(str(line) for line in metadata.get_all("Requires-Dist", [])),
        extras=tuple(str(line) for line in metadata.get_all("Provides-Extra", [])),
        metadata=metadata,
        pure=tags["Root-Is-Purelib"] == "true" and tags["Tag"] == "py3-none-any",
        files=frozenset(name for name in names if ".dist-info/" not in name),
        licences=frozenset(name for name in names if ".dist-info/licenses/" in name),
    )


def _headers(archive: zipfile.ZipFile, names: list[str], file: str) -> email.message.Message:
    (name,) = (name for name in names if re.fullmatch(rf"[^/]+\.dist-info/{file}", name))
    return email.parser.Parser().parsestr(archive.read(name).decode())


def required_name(requirement: str) -> str:
    """Return the distribution that a Requires-Dist line names."""
    match = re.match(r"[\w.-]+", requirement)
    if match is None:
        raise CheckFailed(f"cannot read the requirement {requirement!r}")
    return match[0].lower().replace("_", "-")


def without_extra(requirement: str) -> str:
    """Return a requirement without the condition that an extra was asked for."""
    found = re.fullmatch(r"(.*?)( and)? *extra == '[\w-]+'", requirement)
    return found[1].rstrip("; ") if found else requirement


def check_contents(wheels: list[Wheel]) -> None:
    """Check everything that needs no installing."""
    ours = {wheel.name for wheel in wheels}
    for wheel in wheels:
        if not (wheel.pure and wheel.path.name.endswith("-py3-none-any.whl")):
            raise CheckFailed(f"{wheel.path.name} is not a pure Python wheel")
        _check_metadata(wheel)
        if wheel.is_library:
            _check_library(wheel, ours)
    versions = {wheel.version for wheel in wheels}
    if len(versions) != 1:
        raise CheckFailed(f"all wheels share one version, but there are {sorted(versions)}")
    _check_shared_paths(wheels)


def _check_metadata(wheel: Wheel) -> None:
    """Check what an index shows of a wheel: the README, the licence, where to find more."""
    headers = wheel.metadata
    links = {str(line).split(",")[0] for line in headers.get_all("Project-URL", [])}
    problems = {
        "no README": not str(headers.get_payload()).strip(),
        "a README of no stated kind": headers["Description-Content-Type"] != "text/markdown",
        "no summary": not headers["Summary"],
        "no licence expression": headers["License-Expression"] != "MIT",
        "no licence text": not any(name.endswith("/LICENSE") for name in wheel.licences),
        "no link to the changelog": not {"Homepage", "Documentation", "Changelog"} <= links,
        "no Requires-Python": headers["Requires-Python"] is None,
    }
    found = [text for text, is_so in problems.items() if is_so]
    if found:
        raise CheckFailed(f"{wheel.name} has {', '.join(found)}")


def _check_library(wheel: Wheel, ours: set[str]) -> None:
    wanted = ours.intersection(map(required_name, wheel.requires))
    allowed: set[str] = set() if wheel.name == CORE else {CORE}
    if wanted != allowed:
        raise CheckFailed(f"{wheel.name} must require {allowed or 'none of ours'}, not {wanted}")
    for name in wheel.files:
        if not name.startswith("durable_workflow/"):
            raise CheckFailed(f"{wheel.name} ships {name}, outside the import package")
    if ("durable_workflow/__init__.py" in wheel.files) != (wheel.name == CORE):
        raise CheckFailed(f"{wheel.name}: durable_workflow/__init__.py belongs to {CORE} alone")
    packages = {"/".join(name.split("/")[:2]) for name in wheel.files if name.count("/") > 1}
    for package in packages:
        if f"{package}/py.typed" not in wheel.files:
            raise CheckFailed(f"{wheel.name} ships {package}/ without py.typed")


def _check_shared_paths(wheels: Iterable[Wheel]) -> None:
    owners: dict[str, list[str]] = defaultdict(list)
    for wheel in wheels:
        for path in wheel.files:
            owners[path].append(wheel.name)
    doubled = {path: names for path, names in owners.items() if len(names) > 1}
    if doubled:
        raise CheckFailed(f"shipped by more than one wheel: {doubled}")
