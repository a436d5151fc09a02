"""Changes of search attributes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from durable_workflow._kernel.kind import Reader, nothing
from durable_workflow._kernel.markers import MarkerKind
from durable_workflow._wire import names
from durable_workflow.workflow._commands import UpsertSearchAttributes


class SearchAttributesKind(MarkerKind[UpsertSearchAttributes]):
    """An upsert of search attributes."""

    shape = "search attributes upsert"
    resolves: ClassVar[Mapping[str, Reader]] = {names.SEARCH_ATTRIBUTES_UPSERTED: nothing}

    def compute(self, command: UpsertSearchAttributes) -> Any:
        return None
