"""The changelog: fragments in `changelog.d/`, assembled into `CHANGELOG.md` by a release."""

import re
from dataclasses import dataclass
from pathlib import Path

from releasing.versions import ReleaseRefused, Version

KINDS = ("added", "changed", "deprecated", "removed", "fixed", "security")
_NAME = re.compile(r"[\w-]+\.(\w+)\.md")
_SECTION = re.compile(r"^## (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Fragment:
    """One change, in the words of its file."""

    path: Path
    kind: str
    text: str

    @property
    def item(self) -> str:
        """The change as an item of a list; further lines are indented below the first."""
        first, *rest = self.text.strip().splitlines()
        return "\n".join([f"- {first}", *(f"  {line}".rstrip() for line in rest)])


def read_fragments(root: Path) -> list[Fragment]:
    """Read all fragments, in the order of their names.

    Raises:
        ReleaseRefused: A file there is not a fragment, or says nothing.
    """
    fragments: list[Fragment] = []
    for path in sorted((root / "changelog.d").iterdir()):
        if path.name == "README.md":
            continue
        found = _NAME.fullmatch(path.name)
        if found is None or found[1] not in KINDS:
            raise ReleaseRefused(
                f"changelog.d/{path.name} is not <number or word>.<kind>.md with a kind of: "
                + ", ".join(KINDS)
            )
        text = path.read_text()
        if not text.strip():
            raise ReleaseRefused(f"changelog.d/{path.name} is empty")
        fragments.append(Fragment(path, found[1], text))
    return fragments


def released(text: str) -> list[Version]:
    """The versions that a changelog has sections of, newest first."""
    return [Version.parse(version) for version in _SECTION.findall(text)]


def section(version: Version, date: str, fragments: list[Fragment]) -> str:
    """Write the section of a release: a list for each kind of change."""
    parts = [f"## {version} ({date})"]
    for kind in KINDS:
        items = [fragment.item for fragment in fragments if fragment.kind == kind]
        if items:
            parts.append(f"### {kind.capitalize()}\n\n" + "\n".join(items))
    return "\n\n".join(parts) + "\n"


def section_of(text: str, version: Version) -> str:
    """Return what a changelog says about one release, without its heading.

    Raises:
        ReleaseRefused: It has no section of that version.
    """
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        if heading.split()[0] == str(version):
            return body.strip() + "\n"
    raise ReleaseRefused(f"CHANGELOG.md has no section of {version}")


def assemble(root: Path, version: Version, date: str) -> None:
    """Move all fragments into a section of `CHANGELOG.md`, above those of older releases.

    Raises:
        ReleaseRefused: There is nothing to say about this release, or there is a newer one.
    """
    path = root / "CHANGELOG.md"
    text = path.read_text()
    newer = [str(other) for other in released(text) if other >= version]
    if newer:
        raise ReleaseRefused(f"{version} is not after the released {', '.join(newer)}")
    fragments = read_fragments(root)
    if not fragments:
        raise ReleaseRefused("changelog.d/ has no fragment: what does this release change?")
    introduction, *older = re.split(r"^(?=## )", text, maxsplit=1, flags=re.MULTILINE)
    parts = [introduction.rstrip() + "\n", section(version, date, fragments), *older]
    path.write_text("\n".join(parts))
    for fragment in fragments:
        fragment.path.unlink()
