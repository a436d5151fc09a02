from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from durable_workflow.server.configuration import (
    CONFIG,
    OTHERS,
    REFUSED,
    VARIABLES,
    from_env,
)
from durable_workflow.server.settings import AuthSettings, LogSettings, Settings, SettingsError

DOCUMENTATION = Path(__file__).parents[4] / "docs" / "server.md"
NAMES = [variable for group in VARIABLES.values() for variable in group]
# Beginnings of names, and a name that ends in what is chosen.
BEGINNINGS = {"DW_WORKFLOW_TASK_", "DW_ACTIVITY_TASK_", "DW_ENV_"}


def test_without_variables_everything_has_its_default() -> None:
    assert from_env({}) == Settings()
    assert from_env({"DW_PORT": " ", "DW_AUTH_TOKEN": ""}) == Settings()


def test_variables_reach_their_settings() -> None:
    settings = from_env(
        {
            "DW_DB": "/x.db",
            "DW_PORT": "0",
            "DW_WORKER_POLL_TIMEOUT": "1.5",
            "DW_COMPRESSION_ENABLED": "false",
            "DW_AUTH_TOKEN": "t",
            "DW_MAX_PAYLOAD_BYTES": "10",
            "DW_DEFAULT_NAMESPACE": "Main",
            "DW_WORKFLOW_TASK_LEASE_SECONDS": "3",
            "DW_LIMIT_PENDING_TIMERS": "0",
            "DW_V2_UPDATE_WAIT_COMPLETION_TIMEOUT_SECONDS": "4",
        }
    )

    assert (settings.db, settings.port, settings.long_poll_timeout) == ("/x.db", 0, 1.5)
    assert not settings.compression
    assert settings.auth == AuthSettings(token="t")
    assert settings.wire.max_payload_bytes == 10
    assert settings.services.default_namespace == "main"
    assert settings.services.workflow_lease_seconds == 3
    assert settings.services.limits.pending_timers == 0
    assert settings.services.update_wait_seconds == 4


def test_budgets_are_read() -> None:
    admission = from_env(
        {
            "DW_WORKFLOW_TASK_MAX_ACTIVE_LEASES_PER_QUEUE": "5",
            "DW_ACTIVITY_TASK_MAX_DISPATCHES_PER_MINUTE_PER_NAMESPACE": "60",
            "DW_TASK_QUEUE_ADMISSION_OVERRIDES": """{
                "billing:mail": {"activity_tasks": {
                    "max_active_leases": 2, "dispatch_budget_group": "smtp",
                    "max_dispatches_per_minute_per_budget_group": 30
                }}
            }""",
        }
    ).services.admission

    assert admission.workflow.max_active_leases_per_queue == 5
    budget = admission.budget("activity", "billing", "mail")
    assert budget.max_active_leases_per_queue == 2
    assert budget.max_dispatches_per_minute_per_namespace == 60
    assert budget.dispatch_budget_group == "smtp"
    assert budget.max_dispatches_per_minute_per_budget_group == 30


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ('{"q": 5}', "q must be a JSON object"),
        ('{"q": {"tasks": {}}}', "q.tasks must be one of"),
        ('{"q": {"workflow_tasks": {"max": 5}}}', "q.workflow_tasks.max is not known"),
        ('{"q": {"workflow_tasks": {"max_active_leases": 0}}}', "1 or more"),
        ('{"q": {"workflow_tasks": {"max_active_leases": true}}}', "1 or more"),
        ('{"q": {"workflow_tasks": {"dispatch_budget_group": 5}}}', "must be a name"),
    ],
)
def test_budgets_of_queues_that_do_not_fit_are_named(value: str, told: str) -> None:
    with pytest.raises(SettingsError, match="DW_TASK_QUEUE_ADMISSION_OVERRIDES") as error:
        from_env({"DW_TASK_QUEUE_ADMISSION_OVERRIDES": value})
    assert told in str(error.value)


def test_the_older_name_counts_where_the_newer_is_unset() -> None:
    older = {"WORKFLOW_SERVER_AUTH_TOKEN": "old", "WORKFLOW_SERVER_PORT": "1"}

    assert from_env(older).auth.token == "old"
    assert from_env({**older, "DW_PORT": "2"}).port == 2


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DW_PORT", "65536"),
        ("DW_PORT", "http"),
        ("DW_PORT", "9" * 5000),
        ("DW_HISTORY_RETENTION_DAYS", "9" * 5000),
        ("DW_SCHEDULE_MAX_BACKFILL", "9" * 5000),
        ("DW_SCHEDULE_MAX_BACKFILL", "9223372036854775808"),
        ("DW_LIMIT_PENDING_TIMERS", "9223372036854775808"),
        ("DW_MISSED_HEARTBEATS", "9" * 5000),
        ("DW_AUTH_DRIVER", "magic"),
        ("DW_COMPRESSION_ENABLED", "perhaps"),
        ("DW_WORKER_POLL_TIMEOUT", "-1"),
        ("DW_WORKER_POLL_TIMEOUT", "nan"),
        ("DW_WORKER_POLL_TIMEOUT", "inf"),
        ("DW_WORKFLOW_TASK_LEASE_SECONDS", "0.0"),
        ("DW_ACTIVITY_TASK_LEASE_SECONDS", "0.0"),
        ("DW_QUERY_TASK_LEASE_TIMEOUT", "-1"),
        ("DW_MAX_PAYLOAD_BYTES", "0"),
        ("DW_LIMIT_PENDING_TIMERS", "-1"),
        ("DW_DEFAULT_NAMESPACE", "a/b"),
        ("DW_DEFAULT_NAMESPACE", ".."),
        ("DW_DEFAULT_NAMESPACE", "x" * 129),
    ],
)
def test_a_value_that_does_not_fit_names_the_variable_and_not_the_value(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=variable) as error:
        from_env({variable: value})
    assert value not in str(error.value).replace(variable, "").replace("0 or more", "").replace(
        "1 or more", ""
    )
    assert "sys." not in str(error.value)


def test_every_variable_names_a_field() -> None:
    fields = {
        "server": Settings(),
        "auth": AuthSettings(),
        "log": LogSettings(),
        "wire": Settings().wire,
        "services": Settings().services,
        "limits": Settings().services.limits,
        "export": Settings().export,
        "admission": Settings().services.admission,
        "workflow_budget": Settings().services.admission.workflow,
        "activity_budget": Settings().services.admission.activity,
    }
    for group, variables in VARIABLES.items():
        names = {field.name for field in msgspec.structs.fields(fields[group])}
        assert {variable.field for variable in variables.values()} <= names


def test_every_variable_is_documented() -> None:
    text = DOCUMENTATION.read_text()

    assert [name for name in (*NAMES, CONFIG, *REFUSED) if f"`{name}`" not in text] == []


def test_every_variable_of_the_specification_is_read_or_refused(spec_data: Path) -> None:
    files = [*spec_data.parent.rglob("*.*"), *spec_data.parents[1].glob("*.md")]
    texts = [path.read_text(errors="replace") for path in files if path.is_file()]
    named = {name for text in texts for name in re.findall(r"DW_[A-Z0-9_]+", text)}
    # The budgets are named by what they end in, after the beginning of either kind.
    [budgets] = {text for text in texts if "MAX_DISPATCHES_PER_MINUTE`" in text}
    ends = set(re.findall(r"`(MAX_(?:ACTIVE_LEASES|DISPATCHES)[A-Z_]+)`", budgets))
    named |= {f"DW_{kind}_TASK_{end}" for kind in ("WORKFLOW", "ACTIVITY") for end in ends}

    assert len(ends) == 4
    assert len(named) > 50
    assert named - {*NAMES, *REFUSED, *OTHERS} - BEGINNINGS == set()


@pytest.mark.parametrize("variable", REFUSED)
def test_what_cannot_be_followed_is_refused_with_its_reason(variable: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is refused: .{{10}}"):
        from_env({variable: "x"})
    from_env({variable: " "})


@pytest.mark.parametrize("variable", sorted(OTHERS))
def test_what_others_read_is_passed_by(variable: str) -> None:
    assert from_env({variable: "x"}) == Settings()


def test_every_secret_is_marked() -> None:
    words = ("TOKEN", "_KEY")
    looks = {name for name in NAMES if name.endswith(words)}

    assert {
        name
        for variables in VARIABLES.values()
        for name, variable in variables.items()
        if variable.secret
    } == looks
