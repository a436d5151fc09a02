"""Where our answers differ from the recorded ones, and which document wants that.

The recorded server is older than the protocol to build; where an exchange and the documents differ,
the documents win, and the difference has its row here.
"""

from __future__ import annotations

from integration.contract.recorded import Difference

SUBSET = "a payload may carry any subset of the listed keys; absent and null are one (5.2)"
SNAPSHOTS = (
    "snapshots of command, task and activity are for observers, and optional (history-events 1)"
)
PHP_ONLY = "only where PHP codecs are enabled (control-plane 3.4)"
MANIFESTS = "the external-execution manifests may be as small as shown (control-plane 3.4)"
FREE_TEXT = "free-text members may hold any wording (control-plane 3.4)"
ANY_RUNTIME = "any non-empty runtime of at most 64 characters is accepted (worker-protocol 2.1)"
REASON_SENT = "409 for a duplicate start says duplicate_not_allowed (control-plane 16)"
JSON_KNOWN = "the codec json is known (worker-protocol 11)"
ONE_MORE_RUN = "021 was accepted, so there is one run more than in the recording"
NO_SWEEP = "a summary of a retention sweep, which may be omitted (worker-protocol 2.2)"
CHAIN = "deadlines hold for a whole chain of runs, and for each of its runs (worker-protocol 8.3)"
NO_CONTRACTS = "the type is declared to that server in PHP; a worker declares none (5.2)"
UPDATE_ACCEPTED = "an update that was only accepted says so (control-plane 17)"
WAKES = "an open wait gets a task after an update, which may change its state (R5)"
RUN_TARGETED = "requested_run_id is the run id from the URL (control-plane 4.7)"
REMOTE_EXCEPTION = "remote workers supply only some members of an exception (control-plane 5.2)"
KEPT_TYPE = "an external failure keeps its type, with or without details (worker-protocol 11, R10)"
REPAIRED_TASK = "RepairRequested names the open task of the run (5.2)"
NO_REFUSED_UPDATES = "the updates that were refused there, undeclared in PHP, are not sent here"
PRINCIPAL = "the principal is known, also under the shared token (control-plane 2.6)"
ROUTE_NAME = "a name that the reference server's framework made up"
TIMELINE = "members of an entry that have no value are left out (5.3 lists what each has)"
NO_DISPATCH = "tasks are claimed, and never dispatched to a queue of messages"
TASK_CONTEXT = "why a task that is over was made is not kept (5.3 names no members)"
NO_CANDIDATES = "tasks that wait for a worker need no repair here (decision 42: truthful zeros)"
NO_FAILING_TASK = "the run whose task had failed there has gone on here by then"
REDUCED = "operator metrics may be reduced objects (12.4)"
BEHIND_A_SIGNAL = "an update may follow a signal that waits: it is applied after it"
BOTH_CODECS = "both codecs that are read are announced (control-plane 1.8)"
EXPRESSIONS = "a query with an operator is an expression over search attributes (docs/server.md)"
INSTALLED = "the drivers of the storage wheels that are installed are found, too"
KEYSET = "a recorded token is an offset; ours name a run, and others are the beginning"
DRAINED_AT_ONCE = "a drained build drains at once, so it is sorted as such (docs/server.md)"
BRIDGE_REJECTS = "a start that is rejected as a duplicate is 422 (control-plane 13.3)"
SIGNAL_ONCE = "a signal that is sent again with its request id is one signal (docs/server.md)"

BAD_CRON = "an expression that cannot be read is refused (control-plane 17)"
NO_ATTRIBUTES = "search attributes of a schedule are an object (control-plane 8.4)"
CHANGED_ONLY = "changed_fields are those that the caller named (control-plane 8.11)"
REFERENCE_ONLY = "the context of a command has an informational layout (control-plane 2.6)"

EVERYWHERE = [
    *[
        Difference("*", f"*.payload.{snapshot}{inwards}", SNAPSHOTS)
        for snapshot in ("command", "task", "activity", "activity_attempt")
        for inwards in ("", ".*")
    ],
    *[
        Difference("*", f"*.payload.{key}", SUBSET)
        for key in ("visibility_labels", "search_attributes", "memo", "rejection_reason")
    ],
    Difference(
        "*",
        "*server_capabilities.supported_workflow_task_commands.length",
        "open_condition_wait is listed too (worker-protocol 1.4)",
    ),
    Difference("*", "capabilities.payload_codecs.length", BOTH_CODECS),
    Difference("*", "capabilities.payload_codecs_engine_specific*", PHP_ONLY),
    Difference("*", "*.fields.payload_codec.engine_specific_values", PHP_ONLY),
    Difference("*", "auth_composition_contract.precedence.notes.length", FREE_TEXT),
    *[
        Difference("*", f"worker_protocol.{manifest}.*", MANIFESTS)
        for manifest in (
            "external_execution_surface_contract",
            "external_executor_config_contract",
            "invocable_carrier_contract",
            "external_task_input_contract",
            "external_task_result_contract",
        )
    ],
    *[
        Difference("*", f"bridge_adapter_outcome_contract.{member}", MANIFESTS)
        for member in ("patterns", "examples", "reference_journeys", "outcomes.*.meaning")
    ],
]
QUICKSTART = EVERYWHERE
ROUTES = [
    *EVERYWHERE,
    *[
        Difference("021-*", place, JSON_KNOWN)
        for place in ("status", "reason", "message", "*errors", "control_plane.*")
    ],
    Difference("025-*", "*errors.runtime", ANY_RUNTIME),
    Difference("030-*", "retention", NO_SWEEP),
    *[Difference("153-*", place, BAD_CRON) for place in ("status", "reason")],
    *[Difference(each, "search_attributes", NO_ATTRIBUTES) for each in ("155-*", "158-*")],
    Difference("163-*", "events.1.payload.changed_fields.length", CHANGED_ONLY),
    Difference("163-*", "*.command_context.context.*", REFERENCE_ONLY),
    Difference("135-*", "*.payload.*_timeout_seconds", SUBSET),
    Difference("135-*", "*.payload.*_deadline_at", SUBSET),
    Difference("142-*", "run_timeout_seconds", CHAIN),
    Difference("142-*", "*_deadline_at", CHAIN),
    Difference("117-*", "events.2.payload.task_*", REPAIRED_TASK),
    *[
        Difference("117-*", place, NO_REFUSED_UPDATES)
        for place in ("events.length", "events.[3-9]*")
    ],
    Difference("203-*", "candidates.oldest_task_candidate_created_at", NO_CANDIDATES),
    Difference("182-*", "supported_diagnostic_drivers.length", INSTALLED),
    Difference("203-*", "candidates.scopes.length", NO_CANDIDATES),
    Difference("210-*", "*.by_workflow_type.length", NO_FAILING_TASK),
    Difference("211-*", "operator_metrics.*", REDUCED),
    Difference("070-*", "commands.*.principal_*", PRINCIPAL),
    Difference("070-*", "commands.*.request_route_name", ROUTE_NAME),
    Difference("070-*", "timeline.*", TIMELINE),
    Difference("070-*", "tasks.*.last_dispatch*", NO_DISPATCH),
    Difference("070-*", "tasks.*.payload.*", TASK_CONTEXT),
    Difference("039-*", "reason", REASON_SENT),
    Difference("041-*", "reason", REASON_SENT),
    Difference("078-*", "reason", REASON_SENT),
    Difference("072-*", "workflows.length", ONE_MORE_RUN),
    Difference("074-*", "workflows.length", EXPRESSIONS),
    Difference("077-*", "workflows.*", KEYSET),
    *[
        Difference("191-*", f"build_ids.*.{member}", DRAINED_AT_ONCE)
        for member in ("build_id", "drained_at")
    ],
    Difference("077-*", "*next_page_token", ONE_MORE_RUN),
    *[Difference("214-*", place, BRIDGE_REJECTS) for place in ("status", "reason")],
    *[
        Difference(exchange, place, NO_CONTRACTS)
        for exchange in ("215-*", "216-*", "221-*")
        for place in ("status", "reason")
    ],
    *[
        Difference(exchange, "*.payload.exception_type", KEPT_TYPE)
        for exchange in ("128-*", "131-*")
    ],
    *[
        Difference(exchange, f"*.payload.exception.{member}", REMOTE_EXCEPTION)
        for exchange in ("128-*", "131-*")
        for member in ("class", "file", "line", "trace", "properties")
    ],
]
SIGNALS_QUERIES_UPDATES = [
    *EVERYWHERE,
    *[Difference(each, "retention", NO_SWEEP) for each in ("017-*", "020-*", "027-*", "046-*")],
    *[
        Difference(each, f"*.payload.{member}", NO_CONTRACTS)
        for each in ("028-*", "035-*", "063-*", "067-*")
        for member in ("workflow_definition_fingerprint", "declared_*")
    ],
    Difference("034-*", "requested_run_id", RUN_TARGETED),
    Difference("051-*", "status", BEHIND_A_SIGNAL),
    Difference("051-*", "reason", BEHIND_A_SIGNAL),
    Difference("035-*", "task.history_events.length", SIGNAL_ONCE),
    Difference("065-*", "*outcome", UPDATE_ACCEPTED),
    Difference("066-*", "*outcome", UPDATE_ACCEPTED),
    Difference(
        "067-*",
        "task.history_events.length",
        "an update that is sent again with its request id is one update (control-plane 17)",
    ),
    Difference("068-*", "created_task_ids.length", WAKES),
]
TABLES = {
    "quickstart-0.4.84": QUICKSTART,
    "routes": ROUTES,
    "signals-queries-updates": SIGNALS_QUERIES_UPDATES,
}
