"""Lays out what the site is built from: the pages where their links expect them, and the sources.

    python scripts/stage_docs.py FOLDER

FOLDER gets `pages/`, a copy of every page with the paths that it has here, with the pages of the
reference beside them; `python/`, the one import package whose parts the wheels have; and
`mkdocs.yml`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "changelog.d/README.md",
    "docs/**/*.md",
    "docs/**/*.txt",
    "examples/**/README.md",
    "examples/**/*.py",
    "libs/*/README.md",
)
# The modules whose names users import, by the wheel that has them.
REFERENCE = {
    "dw-core": ("workflow", "activity", "errors", "serializer", "external_storage", "metrics"),
    "dw-client": ("client", "sync"),
    "dw-worker": ("worker", "interceptors", "invocable"),
    "dw-testing": ("testing",),
    "dw-replay": ("replay_check", "replay_verify", "history_bundle_verify"),
    "dw-server": ("server",),
}
GUIDES = {
    "Tutorial": "docs/tutorial.md",
    "Writing workflows": "docs/authoring.md",
}
OPERATION = {
    "Installing": "docs/installing.md",
    "Running the server": "docs/server.md",
    "Deploying": "docs/deploying.md",
    "Performance": "docs/performance.md",
}
CONCEPTS = {
    "Concepts": "docs/concepts.md",
    "Architecture": "docs/architecture.md",
    "The engine": "docs/engine.md",
    "The stream of workers": "docs/stream.md",
    "Glossary": "docs/glossary.md",
    "Differences": "docs/differences.md",
}
PROJECT = {
    "Contributing": "CONTRIBUTING.md",
    "Releasing": "docs/releasing.md",
    "Changes": "CHANGELOG.md",
}


def title(page: Path) -> str:
    """The first heading of a page."""
    found = re.search(r"^# (.+)$", page.read_text(), re.MULTILINE)
    return found[1] if found else page.stem


def copy_pages(to: Path) -> None:
    """Copy the pages to the paths that they have here, so that links lead to them."""
    for pattern in PAGES:
        for page in ROOT.glob(pattern):
            target = to / page.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, target)


def merge_sources(to: Path) -> None:
    """Put the parts of the import package together, as an installation does."""
    for source in ROOT.glob("libs/*/src/durable_workflow"):
        shutil.copytree(
            source,
            to / "durable_workflow",
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )


def write_reference(to: Path) -> list[dict[str, list[dict[str, str]]]]:
    """Write a page for each public module, and return their part of the navigation."""
    (to / "reference").mkdir(parents=True)
    parts: list[dict[str, list[dict[str, str]]]] = []
    for wheel, modules in REFERENCE.items():
        rows: list[dict[str, str]] = []
        for module in modules:
            name = f"durable_workflow.{module}"
            (to / "reference" / f"{module}.md").write_text(f"# {name}\n\n::: {name}\n")
            rows.append({name: f"reference/{module}.md"})
        parts.append({wheel: rows})
    return parts


def rows(entries: dict[str, str]) -> list[dict[str, str]]:
    return [{name: path} for name, path in entries.items()]


def titled(paths: list[Path]) -> list[dict[str, str]]:
    return [{title(path): path.relative_to(ROOT).as_posix()} for path in sorted(paths)]


def configuration(reference: list[dict[str, list[dict[str, str]]]]) -> dict[str, object]:
    """The configuration of the site. JSON is YAML, so nothing is needed to write it."""
    navigation: list[Any] = [
        {"Home": "README.md"},
        *rows(GUIDES),
        {"How to": titled(list(ROOT.glob("docs/how-to/*.md")))},
        {"Examples": titled(list(ROOT.glob("examples/*/README.md")))},
        {"Operation": rows(OPERATION)},
        {"Concepts": rows(CONCEPTS)},
        {"Wheels": titled(list(ROOT.glob("libs/*/README.md")))},
        {"Reference": reference},
        {"Project": rows(PROJECT)},
    ]
    options = {
        "show_root_heading": False,
        "show_source": False,
        "members_order": "alphabetical",
        "docstring_style": "google",
        "heading_level": 2,
        "show_submodules": False,
    }
    return {
        "site_name": "Durable Workflow for Python",
        "docs_dir": "pages",
        "site_dir": "html",
        "nav": navigation,
        "theme": {"name": "material", "features": ["navigation.tabs", "content.code.copy"]},
        "plugins": [
            "search",
            {"mkdocstrings": {"handlers": {"python": {"paths": ["python"], "options": options}}}},
        ],
        "markdown_extensions": [
            "tables",
            "toc",
            "md_in_html",
            "pymdownx.superfences",
            "pymdownx.highlight",
        ],
    }


def main(folder: Path) -> None:
    """Lay everything out anew."""
    pages, sources = folder / "pages", folder / "python"
    for each in (pages, sources):
        shutil.rmtree(each, ignore_errors=True)
    copy_pages(pages)
    merge_sources(sources)
    text = json.dumps(configuration(write_reference(pages)), indent=2)
    (folder / "mkdocs.yml").write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
