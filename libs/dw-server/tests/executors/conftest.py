"""An external-executor configuration, and a file with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Document = dict[str, Any]


@pytest.fixture
def document() -> Document:
    """The configuration of the specification (replay 12.5), and some more."""
    return {
        "schema": "durable-workflow.external-executor.config",
        "version": 1,
        "defaults": {"task_queue": "billing", "auth_ref": "prod"},
        "auth_refs": {"prod": {"type": "env", "token_env": "X"}, "other": {"type": "mtls"}},
        "carriers": {
            "lambda": {
                "type": "invocable_http",
                "url": "https://fn.example/run",
                "method": "POST",
                "timeout_seconds": 30,
                "capabilities": ["activity_task"],
                "retry_policy": {
                    "max_attempts": 2,
                    "backoff_seconds": [1],
                    "retryable_status_codes": [429, 503],
                },
            },
            "shell": {"type": "process", "command": ["run"], "env": {"API_TOKEN": "hush"}},
        },
        "mappings": [
            {
                "name": "charge",
                "kind": "activity",
                "activity_type": "billing.charge-card",
                "handler": "charge",
                "carrier": "lambda",
            }
        ],
        "overlays": {
            "staging": {
                "defaults": {"auth_ref": "other"},
                "carriers": {"lambda": {"url": "https://staging.example/run"}},
            },
            "moved": {
                "mappings": [
                    {
                        "name": "ship",
                        "kind": "activity",
                        "activity_type": "ship",
                        "task_queue": "shipping",
                        "handler": "ship",
                        "carrier": "shell",
                        "metadata": {"team": "shipping", "Signature": [1]},
                        "rollout": {"percent": 10},
                    }
                ]
            },
            "nothing": {},
        },
    }


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Any], str]:
    """Writes a configuration, and returns its path."""

    def write(content: Any) -> str:
        path = tmp_path / "executors.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    return write
