"""Exports of runs: one signed document with all that is known of a run (control-plane 5.3)."""

from durable_workflow.server.exporting.bundle import Bundle, Signing
from durable_workflow.server.exporting.service import ExportService

__all__ = ["Bundle", "ExportService", "Signing"]
