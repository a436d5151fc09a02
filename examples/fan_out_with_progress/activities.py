"""The activity: makes one thumbnail. Here the work is made up, and so are its faults."""

import asyncio

from durable_workflow import activity

SECONDS_OF_WORK = 0.2


@activity.defn(name="make_thumbnail")
async def make_thumbnail(photo: str) -> str:
    """Make the thumbnail of one photo and return its name. Every tenth photo fails once."""
    await asyncio.sleep(SECONDS_OF_WORK)
    if photo.endswith("0") and activity.context().info.attempt_number == 1:
        raise OSError(f"{photo} could not be read")
    return f"thumb-{photo}"
