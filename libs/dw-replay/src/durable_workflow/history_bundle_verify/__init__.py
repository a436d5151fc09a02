"""Verifying exported history bundles: their form, their references, checksum and signature.

As a command: `durable-workflow-history-bundle-verify BUNDLE` (replay.md 11).
"""

from durable_workflow._publish import publish
from durable_workflow.history_bundle_verify._command import main
from durable_workflow.history_bundle_verify._findings import (
    SEVERITY_ERROR,
    SEVERITY_INFO,
    SEVERITY_WARNING,
    STATUS_FAILED,
    STATUS_OK,
    STATUS_WARNING,
)
from durable_workflow.history_bundle_verify._structure import (
    BUNDLE_SCHEMA,
    BUNDLE_SCHEMA_VERSION,
    SUPPORTED_BUNDLE_SCHEMA_VERSIONS,
)
from durable_workflow.history_bundle_verify._verify import (
    REPORT_SCHEMA,
    REPORT_SCHEMA_VERSION,
    verify_bundle,
    verify_bundle_json,
)

__all__ = [
    "BUNDLE_SCHEMA",
    "BUNDLE_SCHEMA_VERSION",
    "REPORT_SCHEMA",
    "REPORT_SCHEMA_VERSION",
    "SEVERITY_ERROR",
    "SEVERITY_INFO",
    "SEVERITY_WARNING",
    "STATUS_FAILED",
    "STATUS_OK",
    "STATUS_WARNING",
    "SUPPORTED_BUNDLE_SCHEMA_VERSIONS",
    "main",
    "verify_bundle",
    "verify_bundle_json",
]

publish(globals(), __all__)
