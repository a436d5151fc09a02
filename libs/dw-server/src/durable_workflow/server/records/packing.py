"""JSON texts as they are kept: without what all texts of their kind have in common.

A history record is mostly names of members, which are the same in each. It is deflated with a
dictionary of them, which takes six microseconds, and a single one to undo; a record of 500 bytes
is kept in 80. What is large holds a payload, and is kept as it is.

The first byte tells how a text is kept. A dictionary is never changed, because texts that were
packed with it would be lost: another one gets another number.
"""

from __future__ import annotations

import zlib
from typing import Final

# Larger texts are kept as they are: little of them is names, and deflating takes time by the byte.
LARGEST: Final = 2048
# 8 KiB: all of the dictionary, and little to set up for each text.
_WINDOW: Final = -13
_MEMORY: Final = 5
_LEVEL: Final = 6

_PACKED_1: Final = b"\x01"

# What is near the end is found at the least cost, so what is most frequent stands there.
_WORDS_1: Final = (
    b'"exception_class":"exception_type":"exception":{"type":"message":"non_retryable":true,'
    b'"details":null,"failure_category":"application","failure_id":"retry_policy":{"max_attempts":'
    b'"backoff_seconds":[],"non_retryable_error_types":[]},"start_to_close_timeout":'
    b'"schedule_to_start_timeout":"schedule_to_close_timeout":"heartbeat_timeout":'
    b'"timeout_kind":"start_to_close","event_type":"ActivityTimedOut","ActivityCancelled",'
    b'"ActivityHeartbeatRecorded","progress":{"event_type":"ActivityRetryScheduled",'
    b'"retry_after_attempt":1,"retry_backoff_seconds":"retry_available_at":"event_type":'
    b'"ActivityFailed","event_type":"WorkflowFailed","closed_reason":"failed","cancelled",'
    b'"terminated","timed_out","event_type":"WorkflowCancelled","event_type":'
    b'"WorkflowTerminated","event_type":"WorkflowTimedOut","event_type":"WorkflowContinuedAsNew",'
    b'"continued_to_run_id":"continued_to_run_number":2,"workflow_link_id":"closed_reason":'
    b'"continued","event_type":"ChildWorkflowScheduled","event_type":"ChildRunStarted","event_type":'
    b'"ChildRunCompleted","child_call_id":"child_workflow_instance_id":"child_workflow_run_id":'
    b'"child_workflow_type":"child_workflow_class":"child_run_number":1,"parent_close_policy":'
    b'"abandon","parent_workflow_instance_id":"parent_workflow_run_id":"event_type":'
    b'"SearchAttributesUpserted","attributes":{"merged":{"event_type":"VersionMarkerRecorded",'
    b'"change_id":"version":1,"min_supported":-1,"max_supported":1,"event_type":'
    b'"SideEffectRecorded","event_type":"ConditionWaitOpened","event_type":'
    b'"ConditionWaitSatisfied","condition_wait_id":"condition_key":"condition_definition_fingerprint":'
    b'"timeout_seconds":"event_type":"UpdateAccepted","event_type":"UpdateApplied","event_type":'
    b'"UpdateCompleted","update_id":"update_name":"arguments":{"codec":"avro","blob":"'
    b'"event_type":"SignalReceived","event_type":"SignalApplied","signal_id":"signal_name":'
    b'"signal_wait_id":"signal-application:"signal-command:"event_type":"TimerScheduled",'
    b'"event_type":"TimerFired","timer_id":"sequence":3,"delay_seconds":1,"fire_at":"fired_at":"'
    b'{"caller":{"type":"server","label":"Standalone Server"},"auth":{"status":"not_configured",'
    b'"method":"none","role":"admin","roles":["admin"],"principal":{"subject":"anonymous","roles":'
    b'["admin"]}},"request":{"method":"POST","path":"/api/workflows/signal/update/","ip":"127.0.0.1",'
    b'"user_agent":"python-httpx/0.28.1","fingerprint":"sha256:"},"server":{"namespace":"default",'
    b'"workflow_id":"command":"start","metadata":{"task_queue":"default","duplicate_policy":"fail"}}}'
    b'{"workflow_wait_kind":"signal","open_wait_id":"signal-application:","resume_source_kind":'
    b'"workflow_signal","resume_source_id":"workflow_signal_id":"timer","timer:'
    b'{"workflow_wait_kind":"activity","open_wait_id":"activity:01m8hz","resume_source_kind":'
    b'"activity_execution","resume_source_id":"01m8hz","activity_execution_id":"01m8hz",'
    b'"activity_attempt_id":"01m8hz","activity_type":"","workflow_sequence":3,'
    b'"workflow_event_type":"ActivityCompleted"}'
    b'{"sequence":1,"event_type":"StartAccepted","timestamp":"2026-01-01T00:00:00.000000Z","payload":'
    b'{"workflow_command_id":"01m8hz","workflow_instance_id":"workflow_run_id":"01m8hz'
    b'"workflow_class":"workflow_type":"business_key":null,"memo":{},"search_attributes":{},'
    b'"command":{"id":"01m8hz","sequence":1,"type":"start","target_scope":"instance",'
    b'"resolved_run_id":"01m8hz","source":"control_plane","caller_label":"Standalone Server",'
    b'"principal_id":"anonymous","auth_status":"not_configured","auth_method":"none",'
    b'"request_method":"POST","request_path":"/api/workflows","status":"accepted","outcome":'
    b'"started_new","request_fingerprint":"sha256:","accepted_at":"2026-01-01T00:00:00.000000Z"},'
    b'"outcome":"started_new"},"id":"01m8hz","workflow_task_id":null,"workflow_command_id":"01m8hz"'
    b',"recorded_at":"2026-01-01T00:00:00.000000Z"}{"sequence":2,"event_type":"WorkflowStarted",'
    b'"timestamp":"2026-01-01T00:00:00.000000Z","clock":"event"},"id":"01m8hz'
    b'{"sequence":7,"event_type":"WorkflowCompleted","timestamp":"2026-01-01T00:00:00.000000Z",'
    b'"payload":{"output":"AAYi","payload_codec":"avro"},"id":"01m8hz'
    b'{"sequence":3,"event_type":"ActivityScheduled","timestamp":"2026-01-01T00:00:00.000000Z",'
    b'"payload":{"activity_execution_id":"01m8hz","activity_class":"activity_type":"sequence":3,'
    b'"activity":{"id":"01m8hz","idempotency_key":"01m8hz","sequence":3,"type":"class":"status":'
    b'"pending","payload_codec":"avro","attempt_count":0,"queue":"default"}},"id":"01m8hz'
    b'{"sequence":4,"event_type":"ActivityStarted","timestamp":"2026-01-01T00:00:00.000000Z",'
    b'"payload":{"activity_execution_id":"01m8hz","activity_attempt_id":"01m8hz","activity_class":"'
    b'{"sequence":5,"event_type":"ActivityCompleted","timestamp":"2026-01-01T00:00:00.000000Z",'
    b'"payload":{"activity_execution_id":"01m8hz","activity_attempt_id":"01m8hz","activity_class":"'
    b'"activity_type":"","sequence":3,"attempt_number":1,"result":"AAYi","payload_codec":"avro"},'
    b'"id":"01m8hz","workflow_task_id":"01m8hz","workflow_command_id":null,'
    b'"recorded_at":"2026-01-01T00:00:00.000000Z"}'
)

_packer = zlib.compressobj(
    _LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, zdict=_WORDS_1
)
_unpacker = zlib.decompressobj(_WINDOW, zdict=_WORDS_1)


def packed(text: bytes) -> bytes:
    """A JSON text as it is kept."""
    return text if len(text) > LARGEST else packed_together(text)


def packed_together(text: bytes) -> bytes:
    """Several small JSON texts as they are kept in one piece."""
    # A copy has the dictionary already: to take it in costs more than the text does.
    packer = _packer.copy()
    found = _PACKED_1 + packer.compress(text) + packer.flush()
    return found if len(found) < len(text) else text


def unpacked(kept: bytes) -> bytes:
    """The JSON text that is kept so."""
    if kept[:1] != _PACKED_1:
        return kept
    return _unpacker.copy().decompress(kept[1:])
