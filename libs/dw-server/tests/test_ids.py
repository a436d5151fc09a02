from __future__ import annotations

import pytest

from durable_workflow.server.ids import UlidSource, paired

NOW = 1_767_225_600_000_000


def test_ids_are_lower_case_ulids_of_their_moment() -> None:
    made = UlidSource().new(NOW)

    assert len(made) == 26
    assert set(made) <= set("0123456789abcdefghjkmnpqrstvwxyz")
    assert int_of(made[:10]) == NOW // 1000


def int_of(text: str) -> int:
    value = 0
    for character in text:
        value = value * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(character)
    return value


def test_ids_sort_by_order_of_making_whatever_the_clock_does() -> None:
    source = UlidSource(seed=3)
    moments = [NOW, NOW, NOW + 999, NOW + 1_000, NOW - 5_000_000, NOW + 1_000, NOW + 2_000]
    made = [source.new(moment) for moment in moments] + [source.new(NOW) for _ in range(1_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_id_belongs_to_another_one_that_no_source_makes() -> None:
    source = UlidSource(seed=4)
    made = [source.new(moment) for moment in range(NOW, NOW + 2_000_000, 1_000)]
    others = [paired(each) for each in made]

    assert not {*made} & {*others}
    assert [paired(each) for each in others] == made
    assert others == sorted(others)
    assert [each[:10] for each in others] == [each[:10] for each in made]
    assert all(before < other for before, other in zip(made, others, strict=True))


def test_what_is_no_id_belongs_to_nothing_that_is_one() -> None:
    for text in ("", "01", "no id", "x" * 10, "UUUUUUUUUUUUUUUUUUUUUUUUUU", "é" * 26):
        assert paired(text) == text


def test_a_seed_repeats_the_sequence() -> None:
    first, again, other = UlidSource(seed=1), UlidSource(seed=1), UlidSource(seed=2)

    assert [first.new(NOW), first.new(NOW)] == [again.new(NOW), again.new(NOW)]
    assert first.new(NOW) != other.new(NOW)


def test_time_beyond_what_an_id_holds_is_refused() -> None:
    source = UlidSource()
    for _ in range(2):
        with pytest.raises(ValueError, match="time"):
            source.new((1 << 48) * 1000)


def test_ids_of_one_moment_count_up_by_one_wherever_they_begin() -> None:
    for seed in range(3_000):
        source = UlidSource(seed)
        first = int_of(source.new(NOW))
        if first % (1 << 20) > (1 << 20) - 500:
            break
    else:
        raise AssertionError("no seed begins close to where the count is carried")
    made = [int_of(source.new(NOW)) for _ in range(1_000)]

    assert made == list(range(first + 1, first + 1_001))
