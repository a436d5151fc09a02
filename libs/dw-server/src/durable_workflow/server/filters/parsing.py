"""From the text of a filter to its tree (docs/server.md, "Finding runs").

    filter     = term { OR term }
    term       = factor { AND factor }
    factor     = [ NOT ] ( "(" filter ")" | comparison )
    comparison = name ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
               | name [ NOT ] IN "(" value { "," value } ")"
               | name [ NOT ] BETWEEN value AND value
               | name IS [ NOT ] NULL
    name       = letters, digits and "_", or anything in back-quotes
    value      = text in ' or " | number | true | false

Words may be in either case. In a text a backslash takes the next character as it is, and so does
the quote written twice.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from durable_workflow.server.engine.attributes import AttributeTypes
from durable_workflow.server.filters.fields import Field, field_of
from durable_workflow.server.filters.tree import (
    Absent,
    All,
    Among,
    Condition,
    Either,
    Not,
    Range,
    Value,
)

_Kind: TypeAlias = Literal["name", "quoted", "text", "number", "operator", "mark", "end"]

# Enough for what people and programs write; beyond it a database would give up instead.
_LONGEST: Final = 8_192
_DEEPEST: Final = 50
_MOST_VALUES: Final = 500
_MOST_DIGITS: Final = 1_000

_OPERATORS: Final = ("=", "!=", "<>", "<", "<=", ">", ">=")
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<name>[A-Za-z_][A-Za-z0-9_]*)
        | `(?P<quoted>(?:[^`]|``)+)`
        | (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
        | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
        | (?P<operator><=|>=|!=|<>|=|<|>)
        | (?P<mark>[(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORDED: Final = re.compile(
    r"\bIN\s*\(|\bBETWEEN\b|\bIS\s+(?:NOT\s+)?NULL\b", re.IGNORECASE | re.ASCII
)
# By the quote around a text: what stands for one character in it.
_ESCAPED: Final = {quote: re.compile(rf"\\(.)|{quote}({quote})", re.DOTALL) for quote in "'\""}
_SPACE: Final = re.compile(r"\s*")


class FilterError(ValueError):
    """A filter that cannot be read.

    Attributes:
        message: What was expected, or what does not fit.
        position: Where, in characters from 1.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at position {position})")
        self.message = message
        self.position = position


class _Token(NamedTuple):
    kind: _Kind
    text: str
    at: int

    @property
    def word(self) -> str:
        """The keyword that it may be."""
        return self.text.upper() if self.kind == "name" else ""


def is_expression(text: str) -> bool:
    """Whether a text has an operator in it. What has none is looked for as it is."""
    return any(sign in text for sign in "=<>") or _WORDED.search(text) is not None


def check_length(text: str) -> None:
    """See that a filter, or a text to look for, is not too long for a store.

    Raises:
        FilterError: It is.
    """
    if len(text) > _LONGEST:
        raise FilterError(f"a filter has at most {_LONGEST} characters", _LONGEST + 1)


def parse(text: str, types: AttributeTypes) -> Condition:
    """The tree of a filter.

    Args:
        types: The registered search attributes of the namespace.
    Raises:
        FilterError: It cannot be read, or compares a field with what it never is.
    """
    check_length(text)
    return _Parser(list(_tokens(text)), types).whole()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while True:
        space = _SPACE.match(text, at)
        assert space is not None
        start = space.end()
        if start == len(text):
            return [*found, _Token("end", "", start + 1)]
        match = _TOKEN.match(text, at)
        if match is None:
            opened = text[start] in "'\"`"
            message = "this quote is not closed" if opened else f"unexpected {text[start]!r}"
            raise FilterError(message, start + 1)
        kind = cast(_Kind, match.lastgroup)
        found.append(_Token(kind, match[kind], start + 1))
        at = match.end()


class _Parser:
    def __init__(self, tokens: list[_Token], types: AttributeTypes) -> None:
        self._tokens = tokens
        self._types = types
        self._next = 0
        self._depth = 0
        self._values = 0

    def whole(self) -> Condition:
        found = self._filter()
        self._expect(self._peek().kind == "end", "AND, OR or the end")
        return found

    # --- rules -------------------------------------------------------------------------------

    def _filter(self) -> Condition:
        parts = [self._term()]
        while self._take_word("OR"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _term(self) -> Condition:
        parts = [self._factor()]
        while self._take_word("AND"):
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _factor(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FilterError(f"filters nest at most {_DEEPEST} deep", self._peek().at)
        try:
            if self._take_word("NOT"):
                return Not(self._factor())
            if self._take_mark("("):
                found = self._filter()
                self._need_mark(")")
                return found
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Condition:
        token = self._take()
        self._expect(token.kind in ("name", "quoted"), "the name of a field", token)
        field = field_of(token.text.replace("``", "`"), self._types)
        if self._take_word("IS"):
            negated = self._take_word("NOT")
            self._need_word("NULL")
            return _unless(negated, Absent(field.column))
        negated = self._take_word("NOT")
        if self._take_word("IN"):
            return _unless(negated, self._among(field))
        if self._take_word("BETWEEN"):
            return _unless(negated, self._between(field))
        operator = self._take()
        known = operator.kind == "operator" and not negated
        self._expect(known, "an operator: = != < <= > >= IN BETWEEN IS", operator)
        return self._compared(field, operator)

    def _compared(self, field: Field, operator: _Token) -> Condition:
        value = self._value(field)
        column = field.column
        match operator.text:
            case "=":
                return Among(column, (value,))
            case "!=" | "<>":
                return Not(Among(column, (value,)))
            case "<" | "<=":
                _check_order(field, value, operator)
                return Range(field=column, high=value, with_high=operator.text == "<=")
            case _:
                _check_order(field, value, operator)
                return Range(field=column, low=value, with_low=operator.text == ">=")

    def _among(self, field: Field) -> Condition:
        self._need_mark("(")
        values = [self._value(field)]
        while self._take_mark(","):
            values.append(self._value(field))
        self._need_mark(")")
        return Among(field.column, tuple(values))

    def _between(self, field: Field) -> Condition:
        first = self._peek()
        low = self._value(field)
        _check_order(field, low, first)
        self._need_word("AND")
        second = self._peek()
        high = self._value(field)
        _check_order(field, high, second)
        if isinstance(low, str) is not isinstance(high, str):
            raise FilterError("both bounds must be of one kind", second.at)
        return Range(field=field.column, low=low, high=high)

    def _value(self, field: Field) -> Value:
        token = self._take()
        self._values += 1
        if self._values > _MOST_VALUES:
            raise FilterError(f"a filter has at most {_MOST_VALUES} values", token.at)
        try:
            return field.value(self._literal(token))
        except ValueError as error:
            if isinstance(error, FilterError):
                raise
            raise FilterError(f"{field.name} {error}", token.at) from None

    def _literal(self, token: _Token) -> Value:
        if token.kind == "text":
            quote, inner = token.text[0], token.text[1:-1]
            return _ESCAPED[quote].sub(lambda found: found[1] or found[2], inner)
        if token.kind == "number":
            return self._number(token)
        if token.word in ("TRUE", "FALSE"):
            return token.word == "TRUE"
        self._expect(False, "a value: text in quotes, a number, true or false", token)
        raise AssertionError

    def _number(self, token: _Token) -> int | float:
        if not any(sign in token.text for sign in ".eE"):
            # Python itself refuses to read thousands of digits.
            number = int(token.text) if len(token.text) < _MOST_DIGITS else 2**63
            if -(2**63) <= number < 2**63:
                return number
            raise FilterError("this number has more than 64 bits", token.at)
        real = float(token.text)
        if real in (float("inf"), float("-inf")):
            raise FilterError("this number is too large", token.at)
        return real

    # --- tokens ------------------------------------------------------------------------------

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        return token

    def _take_word(self, word: str) -> bool:
        found = self._peek().word == word
        self._next += found
        return found

    def _take_mark(self, mark: str) -> bool:
        token = self._peek()
        found = token.kind == "mark" and token.text == mark
        self._next += found
        return found

    def _need_word(self, word: str) -> None:
        self._expect(self._take_word(word), word)

    def _need_mark(self, mark: str) -> None:
        self._expect(self._take_mark(mark), repr(mark))

    def _expect(self, holds: bool, what: str, token: _Token | None = None) -> None:
        if not holds:
            token = token or self._peek()
            found = token.text or "the end"
            raise FilterError(f"expected {what}, found {found[:40]}", token.at)


def _unless(negated: bool, condition: Condition) -> Condition:
    return Not(condition) if negated else condition


def _check_order(field: Field, value: Value, token: _Token) -> None:
    if isinstance(value, bool) or not field.ordered:
        raise FilterError(f"{field.name} has no order here: use = != IN", token.at)
