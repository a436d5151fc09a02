"""Answers held against the server's own description of its API."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from integration.harness.payloads import as_object
from integration.harness.wire import Answer


class Described:
    """The description of one server.

    Args:
        document: What ``/api/openapi.json`` answers.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._paths = {
            re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): path
            for path in document["paths"]
        }
        self._validator = cache(self._make_validator)
        self._asked = cache(self._make_validator_of_requests)

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Fail where an answer is none that the document has."""
        found = self.problems(method, path, answer)
        assert not found, f"{method} {path} {answer.status}: {found} in {answer.body}"

    def problems(self, method: str, path: str, answer: Answer) -> list[str]:
        """In what an answer differs from the document; routes that nobody has have none."""
        described = self._operation(method.lower(), path.partition("?")[0])
        if described is None:
            return []
        status = str(answer.status)
        if status not in described["responses"]:
            return [f"the status {status} with {answer.body!r} is not described"]
        names = described["responses"][status].get("headers", {})
        required = {
            "x-durable-workflow-control-plane-version",
            "x-durable-workflow-protocol-version",
        }
        missing = [
            f"the header {name} is missing"
            for name in names
            if name.lower() in required and name.lower() not in answer.headers
        ]
        errors = self._validator(described["operationId"], status).iter_errors(answer.body)
        return missing + [f"{error.json_path}: {error.message[:300]}" for error in errors]

    def has_request(self, method: str, path: str, query: Any, body: Any) -> bool:
        """Whether the document has a request with this query and this body.

        Args:
            path: As the document has it, with the parameters' names.
        """
        return bool(self._asked(method.lower(), path).is_valid({"query": query, "body": body}))

    def _make_validator_of_requests(self, method: str, path: str) -> Validator:
        described = self._document["paths"][path][method]
        parameters = [each for each in described["parameters"] if each.get("in") == "query"]
        query = {
            "properties": {each["name"]: each["schema"] for each in parameters},
            "required": [each["name"] for each in parameters if each.get("required")],
        }
        body = described.get("requestBody", {"content": {"": {"schema": {}}}})
        [content] = body["content"].values()
        properties = {"query": query, "body": content["schema"]}
        return Draft202012Validator(
            {"properties": properties, "components": self._document["components"]}
        )

    def _make_validator(self, operation_id: str, status: str) -> Validator:
        [response] = [
            operation["responses"][status]
            for methods in self._document["paths"].values()
            for operation in methods.values()
            if operation["operationId"] == operation_id
        ]
        [content] = response["content"].values()
        components = {"components": self._document["components"]}
        return Draft202012Validator({**content["schema"], **components})

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        # A literal segment wins over a parameter, as in routing.
        matching = [template for each, template in self._paths.items() if each.fullmatch(path)]
        for template in sorted(matching, key=lambda each: each.count("{")):
            operation = as_object(self._document["paths"][template].get(method))
            if operation is not None:
                return operation
        return None
