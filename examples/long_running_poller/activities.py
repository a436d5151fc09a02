"""The activity: looks once whether a file is there."""

from pathlib import Path

from durable_workflow import activity


@activity.defn(name="size_of_file")
def size_of_file(path: str) -> int | None:
    """Return the size of a file in bytes, or None if it is not there yet."""
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        return None
