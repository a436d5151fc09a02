import re
from typing import Any

import pytest

from durable_workflow.external_storage import ExternalPayloadStoragePolicy
from durable_workflow.external_storage._locations import container_of, prefix_of, text_of

LOCATORS = (re.compile(r"arn:x:::([^/]+)"), re.compile(r"x://([^/]+)"))


def found(document: dict[str, Any]) -> str:
    policy = ExternalPayloadStoragePolicy.from_dict(document)
    return container_of(policy, "x", keys=("container", "bucket"), locators=LOCATORS)


@pytest.mark.parametrize(
    "document",
    [
        {"config": {"container": "c"}},
        {"config": {"container": " c "}},
        {"config": {"container": "c", "bucket": "b"}, "reference": "x://r"},
        {"config": {"bucket": "c"}, "reference": "x://r"},
        {"config": {"container": " ", "bucket": "c"}},
        {"config": {}, "reference": "x://c"},
        {"reference": "x://c/below/it"},
        {"reference": "arn:x:::c/below/*"},
        {"reference": " c "},
    ],
)
def test_the_config_goes_before_the_reference(document: dict[str, Any]) -> None:
    assert found(document) == "c"


@pytest.mark.parametrize("document", [{}, {"config": {"bucket": " "}}, {"reference": "y://c"}])
def test_a_policy_that_names_no_place(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="storage driver x requires a container"):
        found(document)


def test_the_prefix_of_the_config_goes_before_that_of_the_policy() -> None:
    both = ExternalPayloadStoragePolicy(True, config={"prefix": "c"}, prefix="p")
    assert prefix_of(both) == "c"
    assert prefix_of(ExternalPayloadStoragePolicy(True, config={"prefix": ""}, prefix="p")) == "p"
    assert prefix_of(ExternalPayloadStoragePolicy(True)) == ""


def test_a_member_of_another_type_is_named() -> None:
    policy = ExternalPayloadStoragePolicy(True, config={"region": 1})
    with pytest.raises(ValueError, match=r"config\.region must be a string"):
        text_of(policy, "region")
    assert text_of(policy, "endpoint") == ""
