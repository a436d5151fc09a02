"""Activities that no workflow starts (control-plane 14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from durable_workflow.server.fields import (
    Arguments,
    Beside,
    Identifier,
    Inside,
    Payload,
    RetryPolicy,
    Say,
    Text,
    Whole,
    check_timeouts,
    seconds,
)
from durable_workflow.server.requests.workflows import WORKFLOW_ID, StatusBucket


class StartActivity(msgspec.Struct, frozen=True, kw_only=True):
    """Start an activity by itself. Timeouts are whole seconds, at least 1.

    Attributes:
        activity_class: A label, which is only shown.
    """

    activity_type: Annotated[str, Text()]
    task_queue: Annotated[str, Text()]
    activity_id: Annotated[str | None, Identifier(longest=128, pattern=WORKFLOW_ID)] = None
    activity_class: Annotated[str | None, Text()] = None
    business_key: Annotated[str | None, Text()] = None
    arguments: Annotated[Payload | None, Arguments(name="input")] = None
    retry_policy: Annotated[RetryPolicy | None, Inside(into=RetryPolicy)] = None
    start_to_close_timeout_seconds: Annotated[int | None, seconds()] = None
    schedule_to_start_timeout_seconds: Annotated[int | None, seconds()] = None
    schedule_to_close_timeout_seconds: Annotated[int | None, seconds()] = None
    heartbeat_timeout_seconds: Annotated[int | None, seconds()] = None

    @staticmethod
    def check(values: Mapping[str, Any], say: Say) -> None:
        """No timeout is longer than the one that it is within."""
        check_timeouts(values, say, suffix="_seconds")


class DescribeActivity(msgspec.Struct, frozen=True, kw_only=True):
    """The newest execution of an activity id."""

    activity_id: Annotated[str, Beside()]


class ListActivities(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the standalone activities of a namespace, newest first.

    Attributes:
        status: A bucket: ``running``, ``completed`` or ``failed``; None for all.
        page_token: Where the page begins; None, or a bad one, is the beginning.
    """

    status: Annotated[str | None, StatusBucket()] = None
    page_size: Annotated[int, Whole(least=1, most=200)] = 50
    page_token: Annotated[str | None, Text(name="next_page_token", longest=None)] = None
