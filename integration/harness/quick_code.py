"""Workflow code that is quick on every machine."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from durable_workflow.worker import _paces


def keep_code_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no workflow code leave the event loop because the machine has held it up."""
    times = SimpleNamespace(perf_counter=lambda: 0.0, thread_time=lambda: 0.0)
    monkeypatch.setattr(_paces, "time", times)
