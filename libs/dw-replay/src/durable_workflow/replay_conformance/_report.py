"""The report of a conformance run."""

import platform
from collections.abc import Mapping
from typing import Any, Final

from durable_workflow._protocol import PROTOCOL_VERSION, installed_version
from durable_workflow.replay_conformance._scenarios import CheckFailed, checks

RESULT_SCHEMA: Final = "durable-workflow.v2.replay-conformance.result"
RESULT_VERSION: Final = 1
COVERAGE_SCOPE: Final = "sdk-python-runtime-shard"
_PASSED: Final = "passed"
_FAILED: Final = "failed"
_ARTIFACTS: Final = ("dw-core", "dw-replay")


def compose_report(
    *,
    artifact_versions: Mapping[str, str] | None = None,
    artifact_sources: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run every check of the replay of this release, and report what came of each.

    Args:
        artifact_versions: Versions by artifact, added to those of the installed wheels.
        artifact_sources: Where artifacts came from, by artifact.
    Returns:
        The report as a JSON object: `status` is `passed` or `failed`.
    """
    results = [_result(check_id, check) for check_id, check in checks()]
    failed = sum(result["status"] == _FAILED for result in results)
    installed = {artifact: installed_version(artifact) for artifact in _ARTIFACTS}
    return {
        "schema": RESULT_SCHEMA,
        "version": RESULT_VERSION,
        "coverage_scope": COVERAGE_SCOPE,
        "status": _FAILED if failed else _PASSED,
        "runtime": {
            "name": "sdk-python",
            "python": platform.python_version(),
            "worker_protocol_version": PROTOCOL_VERSION,
        },
        "artifact_versions": {**installed, **(artifact_versions or {})},
        "artifact_sources": dict(artifact_sources or {}),
        "summary": {"total": len(results), "passed": len(results) - failed, "failed": failed},
        "results": results,
    }


def _result(check_id: str, check: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"id": check_id, "status": _PASSED, "message": None}
    try:
        check()
    except CheckFailed as failure:
        result |= {"status": _FAILED, "message": str(failure)}
    except Exception as error:  # noqa: BLE001 (a check that breaks has failed, and the others go on)
        result |= {"status": _FAILED, "message": f"{type(error).__name__}: {error}"}
    return result
