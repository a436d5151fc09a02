"""python -m releasing prepare VERSION | bump VERSION | version | notes [VERSION]"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from releasing.changelog import assemble, section_of
from releasing.versions import ReleaseRefused, Version, current, set_version

ROOT = Path(__file__).resolve().parents[2]


def prepare(root: Path, version: Version, date: str) -> None:
    """Make the tree one of this version: its number everywhere, its changelog section.

    Raises:
        ReleaseRefused: It is older than the version that the tree has, or the changelog refuses.
            Nothing is written then.
    """
    present = current(root)
    if version < present:
        raise ReleaseRefused(f"{version} is older than {present}, the version of this tree")
    assemble(root, version, date)
    set_version(root, version)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="python -m releasing")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("prepare", "write version and changelog of a release"),
        ("bump", "write the version alone"),
        ("notes", "print what the changelog says about a release"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("version")
    commands.add_parser("version", help="print the version of this tree")
    options = parser.parse_args(arguments)
    try:
        if options.command == "version":
            print(current(root))
            return 0
        version = Version.parse(options.version)
        if options.command == "prepare":
            prepare(root, version, datetime.now(UTC).date().isoformat())
        elif options.command == "bump":
            set_version(root, version)
        else:
            print(section_of((root / "CHANGELOG.md").read_text(), version), end="")
    except ReleaseRefused as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
