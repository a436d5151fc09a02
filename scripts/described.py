"""Answers held against the server's own description of its API, whatever they came by.

The contract's tests ask over HTTP, those of dw-server ask the application itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Protocol
from urllib.parse import unquote

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

# A whole number as a parameter has it.
_DIGITS: Final = re.compile(r"-?[0-9]{1,19}")
_FLAGS: Final = ("true", "false")


class Answer(Protocol):
    """What is known of one answer; text where its body is no JSON."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> Any: ...


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

    def has_request(self, method: str, path: str, sent: Mapping[str, Any]) -> bool:
        """Whether the document has a request with all that is sent.

        Args:
            path: As the document has it, with the parameters' names.
            sent: The parameters by the place that they are sent in, and the body if there is one.
        """
        places: dict[str, Any] = {**sent}
        for (place, name), parameter in self._parameters(method, path).items():
            value = places[place].get(name)
            if value is not None:
                text = unquote(str(value)) if place == "path" else str(value)
                read = _as_read(text, parameter["schema"]["type"])
                places[place] = {**places[place], name: read}
        return bool(self._asked(method, path).is_valid(places))

    def _make_validator_of_requests(self, method: str, path: str) -> Validator:
        places: dict[str, Any] = {}
        for (place, name), parameter in self._parameters(method, path).items():
            described = places.setdefault(place, {"properties": {}, "required": []})
            described["properties"][name] = parameter["schema"]
            described["required"] += [name] * parameter["required"]
        body = self._document["paths"][path][method.lower()].get("requestBody")
        if body is not None:
            [content] = body["content"].values()
            places["body"] = content["schema"]
        schema: dict[str, Any] = {"properties": places, "required": []}
        schema["required"] += ["body"] * (body is not None and body["required"])
        return Draft202012Validator({**schema, "components": self._document["components"]})

    def _parameters(self, method: str, path: str) -> dict[tuple[str, str], Any]:
        """The parameters of an operation, by place and name."""
        components = self._document["components"]["parameters"]
        found = [
            components[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
            for each in self._document["paths"][path][method.lower()]["parameters"]
        ]
        return {(each["in"], each["name"]): each for each in found}

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
            operation: dict[str, Any] | None = self._document["paths"][template].get(method)
            if operation is not None:
                return operation
        return None


def _as_read(text: str, kind: str) -> object:
    """A parameter, which is sent as text, as what it may stand for."""
    if kind == "integer" and _DIGITS.fullmatch(text):
        return int(text)
    return text.lower() == "true" if kind == "boolean" and text.lower() in _FLAGS else text
