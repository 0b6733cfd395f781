"""Arithmetic written as in Python, computed without it: no attribute, no call but of the functions named here.

    choice      disjunction [if disjunction else choice]
    disjunction conjunction {or conjunction}          conjunction  negation {and negation}
    negation    {not} comparison                      comparison   sum {< > <= >= == != in, not in: sum}
    sum         |  ^  &  << >>  + -  * / // %         each binds tighter than the one before
    factor      {+ - ~} power                         power        atom {[subscript]} [** factor]
    atom        number, text, name, True, False, function(arguments), (choice)

The text comes from a file nobody vouched for, so everything has a bound: its length, how deep it nests, and how large a
number or text may become before it is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from graphrun_nodes.math_operations import BINARY, COMPARISONS, FUNCTIONS, UNARY
from graphrun_nodes.math_terms import Names, Subscript, Term, chained, compared, first_of, named, signed, subscripted
from graphrun_nodes.math_tokens import Token, tokens_of

MOST_CHARACTERS = 10_000
DEEPEST = 30

# From loose to tight, as Python has it; comparisons stand before the first row.
_LEVELS = (("|",), ("^",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "/", "//", "%"))
_TIGHTEST = len(_LEVELS)


def evaluate(expression: str, names: Names) -> object:
    """Return the value of an expression over these names.

    Raises ValueError where it can't be read or would become too large, else what arithmetic raises.
    """
    if not expression.strip():
        raise ValueError("the expression is empty: write one, such as a + b")
    if len(expression) > MOST_CHARACTERS:
        raise ValueError(f"the expression has {len(expression)} characters, and {MOST_CHARACTERS} are allowed")
    return _Parser(tokens_of(expression)).whole()(names)


@dataclass(slots=True)
class _Parser:
    """Reads tokens from left to right and makes terms of them: functions of the names, not called yet.

    Chains of equal operators become one term each, so terms nest no deeper than brackets, choices and powers do.
    """

    tokens: Sequence[Token]
    position: int = 0
    depth: int = 0

    def whole(self) -> Term:
        term = self.choice()
        if self._next.kind != "end":
            raise self._unexpected()
        return term

    def choice(self) -> Term:
        with self._deeper():
            value = self._disjunction()
            if not self._take("if"):
                return value
            condition = self._disjunction()
            self._expect("else")
            otherwise = self.choice()
        return lambda names: value(names) if condition(names) else otherwise(names)

    def _disjunction(self) -> Term:
        terms = self._separated("or", self._conjunction)
        return terms[0] if len(terms) == 1 else lambda names: first_of(terms, names, truth=True)

    def _conjunction(self) -> Term:
        terms = self._separated("and", self._negation)
        return terms[0] if len(terms) == 1 else lambda names: first_of(terms, names, truth=False)

    def _negation(self) -> Term:
        count = 0
        while self._take("not"):
            count += 1
        term = self._comparison()
        return (lambda names: bool(term(names)) == (count % 2 == 0)) if count else term

    def _comparison(self) -> Term:
        first = self._binary(0)
        rest: list[tuple[str, Term]] = []
        while operator := self._comparison_operator():
            rest.append((operator, self._binary(0)))
        return (lambda names: compared(first, rest, names)) if rest else first

    def _comparison_operator(self) -> str | None:
        if self._next.is_word("not") and self.tokens[self.position + 1].is_word("in"):
            self.position += 2
            return "not in"
        return self._take(*COMPARISONS)

    def _binary(self, level: int) -> Term:
        if level == _TIGHTEST:
            return self._factor()
        first = self._binary(level + 1)
        rest: list[tuple[str, Term]] = []
        while operator := self._take(*_LEVELS[level]):
            rest.append((operator, self._binary(level + 1)))
        return (lambda names: chained(first, rest, names)) if rest else first

    def _factor(self) -> Term:
        signs: list[str] = []
        while sign := self._take(*UNARY):
            signs.append(sign)
        term = self._power()
        return (lambda names: signed(reversed(signs), term(names))) if signs else term

    def _power(self) -> Term:
        base = self._part()
        if not self._take("**"):
            return base
        with self._deeper():
            exponent = self._factor()
        return lambda names: BINARY["**"](base(names), exponent(names))

    def _part(self) -> Term:
        whole = self._atom()
        subscripts: list[Subscript] = []
        while self._take("["):
            subscripts.append(self._subscript())
        return (lambda names: subscripted(whole(names), subscripts, names)) if subscripts else whole

    def _subscript(self) -> Subscript:
        """Return one term for an index, or the two or three of a slice."""
        parts: list[Term | None] = [None if self._next.is_sign(":") else self.choice()]
        while self._take(":"):
            parts.append(None if self._next.is_sign(":", "]") else self.choice())
        if len(parts) > 3:
            raise self._unexpected()
        self._expect("]")
        return parts

    def _atom(self) -> Term:
        token = self._next
        if token.kind in ("number", "text"):
            self.position += 1
            return lambda names: token.value
        if token.kind == "name":
            self.position += 1
            return self._call(token) if self._take("(") else named(token)
        if self._take("("):
            term = self.choice()
            self._expect(")")
            return term
        raise self._unexpected()

    def _call(self, token: Token) -> Term:
        function = FUNCTIONS.get(token.text)
        if function is None:
            raise ValueError(f"there is no function {token.text!r}; there are {', '.join(FUNCTIONS)}")
        arguments: list[Term] = []
        while not self._take(")"):
            arguments.append(self.choice())
            if not self._next.is_sign(")"):
                self._expect(",")
        return lambda names: function(*(argument(names) for argument in arguments))

    def _separated(self, word: str, part: Callable[[], Term]) -> list[Term]:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts

    @property
    def _next(self) -> Token:
        return self.tokens[self.position]

    def _take(self, *texts: str) -> str | None:
        """Step over the next token if it is one of these words or signs."""
        if self._next.kind in ("word", "sign") and self._next.text in texts:
            self.position += 1
            return self.tokens[self.position - 1].text
        return None

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(f", where {text!r} was expected")

    def _unexpected(self, more: str = "") -> ValueError:
        found = f"ends unexpectedly{more}" if self._next.kind == "end" else f"has {self._next.text!r}{more}"
        place = "" if self._next.kind == "end" else f" at character {self._next.start + 1}"
        return ValueError(f"the expression {found}{place}: it can't be read")

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(f"the expression nests more than {DEEPEST} deep")
        yield
        self.depth -= 1
