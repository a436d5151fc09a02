"""The workflow of `lasting` alone, for a worker without its activities."""

from __future__ import annotations

from integration.faults.lasting import WORKFLOWS

__all__ = ["WORKFLOWS"]
