"""Values by annotation: plain JSON becomes what a function is annotated to take.

`def run(self, ctx, order: Order)` gets an `Order`, although the payload holds a JSON object. Only
annotations of rich types count (dataclasses, models, enums, dates, UUIDs, decimals, bytes, sets,
tuples and containers of these). Plain JSON types are neither checked nor coerced, so a function
without rich annotations has no plan, and calling it costs nothing more.

The way out is `serializer._plain`: it writes the same types in the form that is read here.
"""

from durable_workflow._conversion.functions import Fit, converted, fitting
from durable_workflow._conversion.results import reading_results

__all__ = ["Fit", "converted", "fitting", "reading_results"]
