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
    pure: bool
    files: frozenset[str]

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
        pure=tags["Root-Is-Purelib"] == "true" and tags["Tag"] == "py3-none-any",
        files=frozenset(name for name in names if ".dist-info/" not in name),
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


def check_contents(wheels: list[Wheel]) -> None:
    """Check everything that needs no installing."""
    ours = {wheel.name for wheel in wheels}
    for wheel in wheels:
        if not (wheel.pure and wheel.path.name.endswith("-py3-none-any.whl")):
            raise CheckFailed(f"{wheel.path.name} is not a pure Python wheel")
        if wheel.is_library:
            _check_library(wheel, ours)
    versions = {wheel.version for wheel in wheels}
    if len(versions) != 1:
        raise CheckFailed(f"all wheels share one version, but there are {sorted(versions)}")
    _check_shared_paths(wheels)


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
    packages = {f"durable_workflow/{entry}/" for entry in wheel.entries}
    for package in packages:
        is_folder = any(name.startswith(package) for name in wheel.files)
        if is_folder and f"{package}py.typed" not in wheel.files:
            raise CheckFailed(f"{wheel.name} ships {package} without py.typed")


def _check_shared_paths(wheels: Iterable[Wheel]) -> None:
    owners: dict[str, list[str]] = defaultdict(list)
    for wheel in wheels:
        for path in wheel.files:
            owners[path].append(wheel.name)
    doubled = {path: names for path, names in owners.items() if len(names) > 1}
    if doubled:
        raise CheckFailed(f"shipped by more than one wheel: {doubled}")
