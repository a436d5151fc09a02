"""Cluster info against the complete example of the specification, and what SDK workers check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from durable_workflow import serializer
from durable_workflow._version import __version__
from durable_workflow._wire.json_values import dict_or_none
from durable_workflow.server.api.manifests import cluster_info, server_capabilities
from durable_workflow.server.configuration import VARIABLES
from durable_workflow.server.executors import _problems
from durable_workflow.server.requests import StartWorkflow
from durable_workflow.server.requests import workflows as requests
from durable_workflow.server.settings import Settings

EXAMPLE = Path(__file__).with_name("cluster_info.json")  # that of control-plane 3.4
FREE_TEXT = ("description", "notes", "rule", "resolution", "meaning")
NOBODY: dict[str, Any] = {
    "namespace": "default",
    "active_workers": 0,
    "active_worker_scopes": 0,
    "queues": [],
    "build_ids": [],
    "workers": [],
}


# One operation for each feature that is announced by what is served.
EVERYTHING = {"create_schedule", "create_search_attribute", "export_history", "sweep_retention"}
BY_WHAT_IS_SERVED = (
    "schedules",
    "schedule_jitter",
    "schedule_max_runs",
    "search_attributes",
    "history_export",
    "history_retention",
)


@pytest.fixture
def info() -> dict[str, Any]:
    found = cluster_info(Settings(server_id="dw-node-1"), NOBODY, EVERYTHING)
    again: dict[str, Any] = json.loads(msgspec.json.encode(found))
    return again


def example() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(EXAMPLE.read_bytes())
    return document


def differences(wanted: Any, ours: Any, at: str = "") -> Iterator[str]:
    if at.rpartition(".")[2] in FREE_TEXT:
        return
    one, other = dict_or_none(wanted), dict_or_none(ours)
    if one is not None and other is not None:
        for name in one.keys() | other.keys():
            if name in one and name in other:
                yield from differences(one[name], other[name], f"{at}.{name}")
            else:
                yield f"{at}.{name}: only {'wanted' if name in one else 'ours'}"
    elif wanted != ours:
        yield f"{at}: wanted {wanted!r}, ours {ours!r}"


def test_it_is_the_example_of_the_specification_and_says_our_extensions(
    info: dict[str, Any],
) -> None:
    assert sorted(each.partition(":")[0] for each in differences(example(), info)) == [
        ".capabilities.payload_codecs",
        ".client_compatibility.clients.sdk-python.supported_versions",
        ".supported_sdk_versions.python",
        ".version",
        ".worker_protocol.external_executor_config_contract.redaction",
        ".worker_protocol.external_executor_config_contract.runtime.summary",
        ".worker_protocol.external_executor_config_contract.server_runtime",
        ".worker_protocol.external_executor_config_contract.validation",
        ".worker_protocol.server_capabilities.extensions",
    ]


def test_it_names_this_version_and_takes_it_for_a_client_of_its_own(info: dict[str, Any]) -> None:
    assert info["version"] == __version__
    supported = info["supported_sdk_versions"]["python"]
    assert supported == info["client_compatibility"]["clients"]["sdk-python"]["supported_versions"]
    lowest, beyond = (part.lstrip(">=<") for part in supported.split(","))

    def number(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split("."))

    assert number(lowest) <= number("0.4.84") < number(__version__) < number(beyond)


def test_codecs_are_those_that_are_read(info: dict[str, Any]) -> None:
    assert info["capabilities"]["payload_codecs"] == [*serializer.SUPPORTED_CODECS]


def test_features_are_announced_where_they_are_served(info: dict[str, Any]) -> None:
    nothing = cluster_info(Settings(), NOBODY)["capabilities"]
    for feature in BY_WHAT_IS_SERVED:
        assert (nothing[feature], info["capabilities"][feature]) == (False, True)


def test_what_a_worker_checks_before_it_registers(info: dict[str, Any]) -> None:
    contract = info["auth_composition_contract"]
    environment = contract["canonical_environment"]

    assert info["control_plane"]["version"] == "2"
    assert info["control_plane"]["request_contract"]["version"] == 1
    assert info["worker_protocol"]["version"] == "1.1"
    assert contract["version"] == 1
    assert environment["auth_token"] == "DURABLE_WORKFLOW_AUTH_TOKEN"
    assert contract["auth_material"]["token"]["effective_config_value"] == "redacted"
    assert {"server_url", "namespace", "profile", "auth", "tls", "identity"} <= set(
        contract["effective_config"]["required_fields"]
    )
    assert info["worker_protocol"]["server_capabilities"]["query_tasks"] is True


def test_what_is_published_of_start_and_list_is_what_is_read(info: dict[str, Any]) -> None:
    operations = info["control_plane"]["request_contract"]["operations"]
    start, listed = operations["start"], operations["list"]["fields"]["status"]

    assert start["unsupported_fields"] == list(StartWorkflow.unsupported)
    published = start["fields"]["duplicate_policy"]["canonical_values"]
    assert set(published) <= set(requests.DUPLICATE_POLICIES)
    assert listed["canonical_values"] == list(requests.STATUS_BUCKETS)
    assert listed["rejected_aliases"] == requests.STATUS_ALIASES


def test_every_problem_of_an_external_executor_configuration_is_named(info: dict[str, Any]) -> None:
    contract = info["worker_protocol"]["external_executor_config_contract"]
    codes = {code for name, code in vars(_problems).items() if name.isupper()}

    assert {*contract["validation"]["named_errors"]} == codes | {"unknown_handler"}
    assert contract["server_runtime"]["config_path_env"] in VARIABLES["server"]
    assert contract["server_runtime"]["overlay_env"] in VARIABLES["server"]


def test_settings_show() -> None:
    said = server_capabilities(Settings(long_poll_timeout=2.5, compression=False))

    assert said["long_poll_timeout"] == 2.5
    assert said["response_compression"] == []
    assert server_capabilities(Settings())["long_poll_timeout"] == 30


def test_documents_are_not_shared_between_answers() -> None:
    first = cluster_info(Settings(), NOBODY)
    first["capabilities"]["workflow_tasks"] = "spoilt"

    assert cluster_info(Settings(), NOBODY)["capabilities"]["workflow_tasks"] is True
