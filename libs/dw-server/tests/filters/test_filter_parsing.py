"""The language of filters: what is read, and what is said of the rest."""

from __future__ import annotations

import pytest

from durable_workflow.server.engine.attributes import AttributeType
from durable_workflow.server.filters import (
    Absent,
    All,
    Among,
    Attribute,
    Condition,
    Either,
    FilterError,
    Moment,
    Not,
    Range,
    System,
    is_expression,
    parse,
)
from durable_workflow.server.filters.tree import conjuncts

TYPES: dict[str, AttributeType] = {
    "Tier": "keyword",
    "Amount": "int",
    "Rate": "double",
    "Paid": "bool",
    "Due": "datetime",
    "Tags": "keyword_list",
}
TIER = Attribute("Tier", single=True)
AMOUNT = Attribute("Amount", single=True)
FREE = Attribute("Free")
DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tier = 'gold'", Among(TIER, ("gold",))),
        ('Tier="gold"', Among(TIER, ("gold",))),
        ("`Tier` = 'it''s' ", Among(TIER, ("it's",))),
        (r"""Tier = 'a\'b\\c'""", Among(TIER, (r"a'b\c",))),
        ("`a.b``c` = 1", Among(Attribute("a.b`c"), (1,))),
        (r"""Tier = 'a\'''b'""", Among(TIER, ("a''b",))),
        (r'''Tier = "a\""" b"''', Among(TIER, ('a"" b',))),
        ("Tier = 'a\"\"b'", Among(TIER, ('a""b',))),
        ("Tier != 'gold'", Not(Among(TIER, ("gold",)))),
        ("Tier <> 'gold'", Not(Among(TIER, ("gold",)))),
        ("Tier in ('a', 'b')", Among(TIER, ("a", "b"))),
        ("Tier NOT IN ('a')", Not(Among(TIER, ("a",)))),
        ("Tier IS NULL", Absent(TIER)),
        ("Tier is not null", Not(Absent(TIER))),
        ("Amount > 5", Range(field=AMOUNT, low=5, with_low=False)),
        ("Amount <= -5", Range(field=AMOUNT, high=-5)),
        ("Amount BETWEEN 1 AND 2.5", Range(field=AMOUNT, low=1, high=2.5)),
        ("Amount NOT BETWEEN 1 AND 2", Not(Range(field=AMOUNT, low=1, high=2))),
        ("Paid = TRUE", Among(Attribute("Paid", single=True), (True,))),
        ("Free = 'x'", Among(FREE, ("x",))),
        ("Free IN (1, 'x', false)", Among(FREE, (1, "x", False))),
        ("status = 'x'", Among(Attribute("status"), ("x",))),
        ("Tags = 'x'", Among(Attribute("Tags"), ("x",))),
        ("Status = 'Running'", Among(System("Status"), ("running",))),
        ("StartTime >= '1970-01-02'", Range(field=System("StartTime"), low=DAY)),
        ("CloseTime < '1970-01-02T01:00:00+01:00'",
         Range(field=System("CloseTime"), high=DAY, with_high=False)),
        ("Due = '1970-01-02'",
         Among(Attribute("Due", single=True), (Moment(DAY),))),
        ("Amount=1 OR Amount=2 AND Amount=3",
         Either((Among(AMOUNT, (1,)), All((Among(AMOUNT, (2,)), Among(AMOUNT, (3,))))))),
        ("NOT (Amount=1 or Amount=2)",
         Not(Either((Among(AMOUNT, (1,)), Among(AMOUNT, (2,)))))),
        ("WorkflowType='a'AND TaskQueue='b'",
         All((Among(System("WorkflowType"), ("a",)), Among(System("TaskQueue"), ("b",))))),
    ],
)  # fmt: skip
def test_a_filter_is_read_into_its_tree(text: str, expected: Condition) -> None:
    assert parse(text, TYPES) == expected


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("Tier = ", 8, "expected a value: text in quotes, a number, true or false, found the end"),
        ("Tier = gold", 8, "expected a value"),
        ("Tier = 'gold", 8, "this quote is not closed"),
        ("Tier 'gold' = 1", 6, "expected an operator"),
        ("= 1", 1, "expected the name of a field, found ="),
        ("Tier = 'a' Tier = 'b'", 12, "expected AND, OR or the end, found Tier"),
        ("(Tier = 'a'", 12, "expected ')', found the end"),
        ("Tier = 'a')", 11, "expected AND, OR or the end"),
        ("Tier = 'a' AND", 15, "expected the name of a field, found the end"),
        ("Tier IN 'a'", 9, "expected '('"),
        ("Tier IN ()", 10, "expected a value"),
        ("Tier IS 'a'", 9, "expected NULL"),
        ("Tier NOT = 'a'", 10, "expected an operator"),
        ("Tier = 5", 8, "Tier is compared with text"),
        ("Amount = '5'", 10, "Amount is compared with a number"),
        ("Amount = true", 10, "Amount is compared with a number"),
        ("Amount = 9223372036854775808", 10, "more than 64 bits"),
        ("Amount = " + "9" * 5000, 10, "more than 64 bits"),
        ("Rate < 1e999", 8, "too large"),
        ("Paid = 1", 8, "Paid is compared with true or false"),
        ("Paid > true", 6, "Paid has no order"),
        ("Free > true", 6, "Free has no order"),
        ("Free BETWEEN 1 AND 'x'", 20, "both bounds must be of one kind"),
        ("Status > 'running'", 8, "Status has no order"),
        ("Status = 'done'", 10, "Status is one of pending, running, waiting"),
        ("Due > 'tomorrow'", 7, "Due is compared with a date or time"),
        ("Due = '0001-01-01T00:00:00+01:00'", 7, "Due is compared with a date or time"),
        ("StartTime < '9999-12-31T23:59:59-01:00'", 13, "is compared with a date or time"),
        ("StartTime = 5", 13, "StartTime is compared with a date or time"),
        ("Amount = 5 ; DROP", 12, "unexpected ';'"),
        ("(" * 60 + "Amount = 1" + ")" * 60, 51, "nest at most 50 deep"),
        ("Amount IN (" + ",".join(["1"] * 501) + ")", 1012, "at most 500 values"),
        ("Tier = '" + "x" * 9000 + "'", 8193, "at most 8192 characters"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_position(
    text: str, position: int, message: str
) -> None:
    with pytest.raises(FilterError) as refused:
        parse(text, TYPES)
    assert message in refused.value.message
    assert refused.value.position == position


@pytest.mark.parametrize("text", ["a=b", "x<1", "Tier IN ('a')", "a between 1 and 2", "a is null"])
def test_a_text_with_an_operator_is_an_expression(text: str) -> None:
    assert is_expression(text)


@pytest.mark.parametrize("text", ["order-17", "not in stock", "a or b and c", "is it", "IN"])
def test_a_text_without_an_operator_is_looked_for_as_it_is(text: str) -> None:
    assert not is_expression(text)


def test_two_bounds_of_one_field_are_one_range() -> None:
    tree = parse("Amount > 5 AND (Tier = 'a' AND Amount < 9) AND Amount > 7", TYPES)
    one = Range(field=AMOUNT, low=5, high=9, with_low=False, with_high=False)
    assert conjuncts(tree) == [
        one,
        Among(TIER, ("a",)),
        Range(field=AMOUNT, low=7, with_low=False),
    ]


def test_bounds_of_a_list_stay_two_as_each_may_hold_of_another_member() -> None:
    assert len(conjuncts(parse("Tags > 'a' AND Tags < 'b'", TYPES))) == 2
