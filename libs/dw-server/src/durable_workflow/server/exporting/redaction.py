"""Secrets of the server never leave it in a bundle.

Callers may have sent one where it does not belong: in a path, a user agent, the text of a failure.
Payloads are opaque, and are not looked into.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final

from durable_workflow._wire.json_values import dict_or_none, list_or_none
from durable_workflow.server.exporting.canonical import canonical

POLICY: Final = "server_secrets"
PLACEHOLDER: Final = "[redacted]"
# What is shorter stands in many texts by chance.
_SHORTEST = 8


class Redaction:
    """Takes the secrets of a server out of texts.

    Args:
        secrets: The secrets; short ones do not count.
    """

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = sorted((each for each in secrets if len(each) >= _SHORTEST), key=len)[::-1]
        # As they stand in JSON: with quotes and backslashes escaped.
        self._written = [canonical(each)[1:-1] for each in self._secrets]

    def apply(self, text: bytes) -> tuple[bytes, list[str]]:
        """The canonical text of a value without secrets, and the paths in it where one stood."""
        if not any(secret in text for secret in self._written):
            return text, []
        paths: list[str] = []
        return canonical(self._clean(json.loads(text), "", paths)), paths

    def _clean(self, value: Any, path: str, paths: list[str]) -> Any:
        members, items = dict_or_none(value), list_or_none(value)
        if members is not None:
            return {
                key: self._clean(member, f"{path}.{key}", paths) for key, member in members.items()
            }
        if items is not None:
            return [self._clean(item, f"{path}.{index}", paths) for index, item in enumerate(items)]
        return self._clean_text(value, path, paths) if isinstance(value, str) else value

    def _clean_text(self, text: str, path: str, paths: list[str]) -> str:
        cleaned = text
        for secret in self._secrets:
            cleaned = cleaned.replace(secret, PLACEHOLDER)
        if cleaned != text:
            paths.append(path)
        return cleaned


def shown(paths: list[str]) -> dict[str, Any]:
    """The member `redaction` of a bundle.

    Args:
        paths: Where a secret stood.
    """
    return {"applied": bool(paths), "policy": POLICY if paths else None, "paths": sorted(paths)}
