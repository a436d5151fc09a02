"""The page for Prometheus: families of figures in its text format (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from durable_workflow.server.figures import Family, Sample

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
_PREFIX: Final = "durable_workflow_server_"


def page(families: Iterable[Family]) -> bytes:
    """The page."""
    return "".join(f"{line}\n" for family in families for line in _lines(family)).encode()


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {_PREFIX}{family.name} {family.about}"
    yield f"# TYPE {_PREFIX}{family.name} {family.kind}"
    for sample in family.samples:
        yield f"{_PREFIX}{family.name}{sample.ending}{_labels(sample)} {sample.value!r}"


def _labels(sample: Sample) -> str:
    inside = ",".join(f'{name}="{_escaped(text)}"' for name, text in sample.labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
