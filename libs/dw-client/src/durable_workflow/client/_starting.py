"""The request that starts a workflow, as both methods that start one send it."""

from typing import Any

from durable_workflow._wire.json_values import JsonObject, present
from durable_workflow.client._call import Call, Repeat, json_object
from durable_workflow.client._keys import new_key
from durable_workflow.client._payloads import Payloads, positional
from durable_workflow.client._routes import Route
from durable_workflow.serializer import PayloadSizeWarningContext

# Both spellings are documented; the right one is understood by every server.
_SENT_POLICIES = {"reject": "fail", "use_existing": "use-existing"}
# Under these a start that is sent twice starts nothing twice, if it names the workflow.
_SAFE_POLICIES = {None, "fail", "use-existing"}


async def start_call(
    payloads: Payloads,
    namespace: str,
    *,
    workflow_type: str,
    task_queue: str,
    workflow_id: str | None,
    input: list[Any] | None,
    duplicate_policy: str | None,
    search_attributes: dict[str, Any] | None,
    **further: Any,
) -> Call[JsonObject]:
    """Build the request. The arguments are those of `Client.start_workflow`.

    Args:
        payloads: Encodes the input.
        namespace: What a warning about a large payload says.
        further: Those that are sent as they are.

    Raises:
        TypeError: `input` is one argument, and no list of them.
    """

    def context(kind: str) -> PayloadSizeWarningContext:
        return PayloadSizeWarningContext(
            kind=kind,
            namespace=namespace,
            workflow_id=workflow_id,
            workflow_type=workflow_type,
            task_queue=task_queue,
        )

    payloads.warn_if_attributes_near_limit(search_attributes, context("search_attributes"))
    policy = _SENT_POLICIES.get(duplicate_policy or "", duplicate_policy)
    return Call(
        "POST",
        Route.WORKFLOWS,
        json_object,
        body=present(
            workflow_id=workflow_id,
            workflow_type=workflow_type,
            task_queue=task_queue,
            input=await payloads.encode(positional("input", input), context("workflow_input")),
            duplicate_policy=policy,
            search_attributes=search_attributes,
            **further,
        ),
        context=workflow_id or "",
        headers=new_key(),
        repeat=Repeat.ALWAYS if workflow_id and policy in _SAFE_POLICIES else Repeat.IF_KEYED,
    )
