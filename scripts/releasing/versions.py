"""The version of all wheels, and what each wheel of ours requires of the others.

The version stands in one file of dw-core. A wheel requires the others from its own version on and
below the next major: an older wheel works with a newer dw-core, and the reverse is refused.
"""

import re
from dataclasses import dataclass
from pathlib import Path

HOME = Path("libs/dw-core/src/durable_workflow/_version.py")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:(a|b|rc)(\d+))?")
_ASSIGNED = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_FINAL = "z"  # after a, b and rc


class ReleaseRefused(Exception):
    """The release cannot be made; the text says why."""


@dataclass(frozen=True, order=True)
class Version:
    """A version as this project gives it: 1.2.3, or 1.2.3rc1 before that."""

    major: int
    minor: int
    patch: int
    stage: str = _FINAL
    number: int = 0

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read a version.

        Raises:
            ReleaseRefused: It is not of the form 1.2.3 or 1.2.3rc1.
        """
        found = _VERSION.fullmatch(text)
        if found is None:
            raise ReleaseRefused(
                f"{text!r} is not a version like 1.2.3, 1.2.3a1, 1.2.3b1, 1.2.3rc1"
            )
        major, minor, patch, stage, number = found.groups()
        return cls(int(major), int(minor), int(patch), stage or _FINAL, int(number or 0))

    def __str__(self) -> str:
        stage = "" if self.stage == _FINAL else f"{self.stage}{self.number}"
        return f"{self.major}.{self.minor}.{self.patch}{stage}"

    @property
    def bounds(self) -> str:
        """What wheels of this version require of each other: `>=1.2,<2`, `>=1.2.3,<2`."""
        is_first_of_its_minor = self.patch == 0 and self.stage == _FINAL
        lowest = f"{self.major}.{self.minor}" if is_first_of_its_minor else str(self)
        return f">={lowest},<{self.major + 1}"


def wheel_names(root: Path) -> list[str]:
    """The names of all wheels: each is a folder of `libs/` with a `pyproject.toml`."""
    return sorted(path.parent.name for path in root.glob("libs/*/pyproject.toml"))


def current(root: Path) -> Version:
    """The version that the wheels have now."""
    found = _ASSIGNED.search((root / HOME).read_text())
    if found is None:
        raise ReleaseRefused(f"{HOME} assigns no __version__")
    return Version.parse(found[1])


def set_version(root: Path, version: Version) -> list[Path]:
    """Write the version, and the bounds that follow from it into each wheel's requirements.

    Returns:
        The files that were changed.
    """
    names = "|".join(map(re.escape, wheel_names(root)))
    required = re.compile(rf'"((?:{names})(?:\[[\w,-]+\])?)>=[\w.]+,<\d+"')
    changed: list[Path] = []
    for path in sorted(root.glob("libs/*/pyproject.toml")):
        text = path.read_text()
        bounded = required.sub(rf'"\g<1>{version.bounds}"', text)
        if bounded != text:
            path.write_text(bounded)
            changed.append(path)
    home = root / HOME
    text = home.read_text()
    assigned = _ASSIGNED.sub(f'__version__ = "{version}"', text)
    if assigned != text:
        home.write_text(assigned)
        changed.append(home)
    return changed
