"""Where a policy's place is, in the words that cloud drivers share.

Not public, but part of what the storage wheels rely on.
"""

import re
from collections.abc import Sequence

from durable_workflow.external_storage._policy import ExternalPayloadStoragePolicy


def text_of(policy: ExternalPayloadStoragePolicy, key: str) -> str:
    """A member of a policy's config without surrounding space, or an empty string.

    Raises:
        ValueError: It is no string.
    """
    value = policy.config.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"external payload storage policy config.{key} must be a string")
    return value.strip()


def container_of(
    policy: ExternalPayloadStoragePolicy,
    driver: str,
    *,
    keys: Sequence[str],
    locators: Sequence[re.Pattern[str]],
) -> str:
    """The bucket or container of a policy.

    Args:
        driver: Name of the driver, for the text of the error.
        keys: Members of the config that name it, the first one that has text counts.
        locators: Ways to write it in the policy's reference, the name being group 1. Text that has
            none of these forms, and no scheme, is the name itself.

    Raises:
        ValueError: The policy names none.
    """
    for key in keys:
        if named := text_of(policy, key):
            return named
    reference = (policy.reference or "").strip()
    for locator in locators:
        if found := locator.match(reference):
            return found.group(1)
    if reference and "://" not in reference:
        return reference
    raise ValueError(f"external payload storage driver {driver} requires a {keys[0]}")


def prefix_of(policy: ExternalPayloadStoragePolicy) -> str:
    """What the keys of a policy's objects begin with; the config's goes before the policy's."""
    return text_of(policy, "prefix") or policy.prefix
