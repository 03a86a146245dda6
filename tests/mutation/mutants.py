"""A module's mutants: its text with one place changed, by Cosmic Ray's operators and one of our own.

Of the many operators that stand for one sign (``+`` alone has eleven) one or two are taken: the ones that are nearest, and so
the hardest to notice. Types, decorators and texts are left as they are: no test should ask for them.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

_COMPARED = "Eq_NotEq Eq_LtE Eq_GtE NotEq_Eq Lt_LtE Lt_GtE LtE_Lt LtE_Gt Gt_GtE Gt_LtE GtE_Gt GtE_Lt Is_IsNot IsNot_Is"
_COUNTED = (
    "Add_Sub Sub_Add Mul_FloorDiv FloorDiv_Mul Div_Mul Mod_FloorDiv Pow_Mul BitOr_BitAnd BitAnd_BitOr BitXor_BitOr LShift_RShift "
    "RShift_LShift"
)
_OTHERS = (
    "AddNot NumberReplacer ReplaceAndWithOr ReplaceOrWithAnd ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceBreakWithContinue "
    "ReplaceContinueWithBreak ReplaceUnaryOperator_Delete_Not ReplaceUnaryOperator_USub_UAdd ZeroIterationForLoop"
)
_NAMES = (
    *(f"ReplaceComparisonOperator_{name}" for name in _COMPARED.split()),
    *(f"ReplaceBinaryOperator_{name}" for name in _COUNTED.split()),
    *_OTHERS.split(),
)

_REMOVED = {"atom_expr", "raise_stmt", "yield_expr", "del_stmt"}


class RemoveStatement(Operator):  # type: ignore[misc]
    """Leaves out a call, a ``raise``, a ``yield``, a ``del`` or a ``+=``: what is done only for its effect."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "simple_stmt" and self._is_effect(node.children[0]):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        del index
        first = node.children[0]
        new = parso.parse("pass").children[0]
        new.get_first_leaf().prefix = first.get_first_leaf().prefix
        node.children[0] = new
        return node

    @staticmethod
    def _is_effect(statement: Any) -> bool:
        if statement.type == "expr_stmt":
            return re.fullmatch(r"[-+*/|&^]+=", statement.children[1].get_code().strip()) is not None
        return statement.type in _REMOVED

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed module.

    Attributes:
        lines: Lines of the statement in which it differs.
        old: The lines that differ, joined by blanks, as they are.
        new: The same as they are in the mutant.
        code: The whole changed module.
    """

    lines: range
    old: str
    new: str
    code: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield the mutants of a module's text, in the order of its lines; those that are no Python are left out."""
    spared = _spared(source)
    found: dict[str, Mutant] = {}
    for operator in (*(get_operator(f"core/{name}")() for name in _NAMES), RemoveStatement()):
        positions = (start for node in ast_nodes(get_ast(source)) for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(positions):
            if not any(begin <= start < end for begin, end in spared):
                code = mutate_code(source, operator, occurrence)
                if code is not None and code != source and _is_python(code):
                    found.setdefault(code, _told(source, code))
    yield from sorted(found.values(), key=lambda one: one.lines[0])


def _told(source: str, code: str) -> Mutant:
    before, after = source.splitlines(), code.splitlines()
    changes = [op for op in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if op[0] != "equal"]
    first, last = changes[0], changes[-1]
    old, new = before[first[1] : last[2]], after[first[3] : last[4]]
    return Mutant(_statement(source, first[1] + 1), *(" ".join(line.strip() for line in some) for some in (old, new)), code)


def _statement(source: str, line: int) -> range:
    """Return the lines of the statement to which a line belongs; of one that holds others, those before them."""
    best = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            inner = [part[0].lineno for name in ("body", "handlers", "orelse") if (part := getattr(node, name, None))]
            lines = range(node.lineno, min([(node.end_lineno or node.lineno) + 1, *inner]))
            if line in lines:
                best = lines
    return best


def _is_python(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True


Place = tuple[int, int]


def _spared(source: str) -> list[tuple[Place, Place]]:
    """Return where nothing is changed: types and decorators."""
    found: list[tuple[Place, Place]] = []
    for node in ast.walk(ast.parse(source)):
        some: list[ast.expr | None] = []
        if isinstance(node, ast.FunctionDef):
            some = [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            some = [*node.decorator_list]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            some = [node.annotation]
        elif isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(("Callable[", "NewType(")):
            some = [node.value]
        found += [(_begin(one), _end(one)) for one in some if one is not None]
    return found


def _begin(node: ast.expr) -> Place:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> Place:
    return node.end_lineno or node.lineno, node.end_col_offset or 0
