"""The activity: takes a large value and returns another one. It knows nothing of the store."""

from durable_workflow import activity


@activity.defn(name="shout")
def shout(text: str) -> str:
    """Return a text in upper case."""
    return text.upper()
