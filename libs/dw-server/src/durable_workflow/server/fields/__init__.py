"""Fields of documents: one way to say what a field is, and one reader of all of them.

Bodies of requests, members of messages and commands of workflow tasks are structures whose
annotations say name, kind, bounds and default of each field. A `Table` reads a document by them,
and says everything that is wrong with it at once.
"""

from durable_workflow.server.fields.calendars import CronExpression, TimeZone
from durable_workflow.server.fields.containers import Json, Listed, Memo, Object, texts
from durable_workflow.server.fields.durations import IsoDuration
from durable_workflow.server.fields.kind import Kind, SlicedKind
from durable_workflow.server.fields.limits import WireLimits
from durable_workflow.server.fields.numbers import (
    LARGEST,
    LONGEST_SECONDS,
    Duration,
    Flag,
    Number,
    PageSize,
    Whole,
    seconds,
)
from durable_workflow.server.fields.payloads import (
    Arguments,
    Commands,
    Details,
    Envelope,
    Payload,
    Result,
)
from durable_workflow.server.fields.reading import Errors, FoundReference, Reading, shown
from durable_workflow.server.fields.retry_policies import RetryPolicy, check_timeouts
from durable_workflow.server.fields.schemas import Schemas
from durable_workflow.server.fields.strings import (
    LONGEST_ID,
    LONGEST_NAME,
    Beside,
    Choice,
    Identifier,
    OperationName,
    Text,
    WorkflowType,
    as_whole,
)
from durable_workflow.server.fields.tables import (
    Inside,
    Say,
    Table,
    Together,
    or_null,
    schema_inside,
    table_of,
)

__all__ = [
    "LARGEST",
    "LONGEST_ID",
    "LONGEST_NAME",
    "LONGEST_SECONDS",
    "Arguments",
    "Beside",
    "Choice",
    "Commands",
    "CronExpression",
    "Details",
    "Duration",
    "Envelope",
    "Errors",
    "Flag",
    "FoundReference",
    "Identifier",
    "Inside",
    "IsoDuration",
    "Json",
    "Kind",
    "Listed",
    "Memo",
    "Number",
    "Object",
    "OperationName",
    "PageSize",
    "Payload",
    "Reading",
    "Result",
    "RetryPolicy",
    "Say",
    "Schemas",
    "SlicedKind",
    "Table",
    "Text",
    "TimeZone",
    "Together",
    "Whole",
    "WireLimits",
    "WorkflowType",
    "as_whole",
    "check_timeouts",
    "or_null",
    "schema_inside",
    "seconds",
    "shown",
    "table_of",
    "texts",
]
