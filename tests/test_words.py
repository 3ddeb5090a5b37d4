"""The house's words: docstrings begin with a verb, entries are full phrases, messages use symbols, retired names stay away."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from .test_imports import MAY_IMPORT, modules, room

# A function's docstring begins with none of these. A class, attribute or property may be a noun phrase.
NOT_A_VERB = {
    "What", "Of", "As", "Whether", "How", "Who", "Whose", "Which", "Where", "When", "The", "A", "An", "All", "Every",
    "Each", "Same", "Its", "Their", "This", "That", "These", "One", "Two", "No", "Names", "Number", "Numbers", "Share",
    "Shares", "Text", "Whole",
}  # fmt: skip
# The entry of an argument or attribute begins with none of these: it would be a fragment of another sentence.
FRAGMENT = {"What", "Of", "As", "How", "Who", "Whose", "Which", "Where", "When", "Same", "Likewise"}
IN_WORDS = re.compile(r"\b(?:at least|at most) [\d{]|\bexpected\b.*\b(?:above|below) [\d{]")
ENTRY = re.compile(r"^\s+(\*{0,2}\w+): +(\w+)")

# A part of a name, or a whole name, that has given way to the field's word.
RETIRED_PARTS = {
    "luck": "noise or rng_key",
    "sieve": "prefilter",
    "sift": "screen",
    "sifted": "screened",
    "told": "reported",
    "foretold": "predicted",
    "foretell": "predict",
    "brought": "step_outcome",
    "lived": "rollout",
    "qnet": "stacked MLP",
    "ppc": "cpc",
    "yardstick": "reference",
    "supposed": "assumed",
    "suppositions": "assumptions",
    "likeness": "fit statistic",
    "purse": "budget splitter",
    "torn": "rejects or damaged",
    "minimise": "minimize",
    "summarise": "summarize",
    "optimiser": "optimizer",
}
RETIRED_NAMES = {
    "tell_nobody": "no_progress",
    "so_far": "cumulative",
    "under_way": "day_state",
    "of_prefix": "unflatten",
    "fixed_draws": "realized_rates",
    "drawn_rates": "realized_rates",
    "hour_key": "rng_key",
    "falling_rate": "lr_schedule",
    "falling_sigma": "sigma_schedule",
    "place": "source (in messages), path, position, index or offset",
    "places": "positions or cell_range",
}
# Names that stand for the old spelling of a public name, kept as an alias for one minor version.
ALIASES = {"_Minimise"}

Finder = Callable[[ast.Module], Iterator[str]]


def docstrings(tree: ast.Module) -> set[ast.Constant]:
    """Every string that documents: it is a statement of its own."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method is read like an attribute."""
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def without_a_verb(tree: ast.Module) -> Iterator[str]:
    """Public functions and methods whose docstring begins with no verb."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not re.match(r"_[^_]", node.name):
            text = ast.get_docstring(node) or ""
            first = re.match(r"\w*", text.lstrip("`"))
            banned = FRAGMENT if is_property(node) else NOT_A_VERB
            if first and first[0] in banned:
                yield f"line {node.lineno}: {node.name}: {text.splitlines()[0]}"


def fragments(tree: ast.Module) -> Iterator[str]:
    """Entries of `Args:` and docstrings of attributes that are no phrases of their own."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    own = {text for node in ast.walk(tree) if isinstance(node, functions) and (text := ast.get_docstring(node, clean=False))}
    for constant in docstrings(tree):
        for line in constant.value.splitlines():
            entry = ENTRY.match(line)
            if entry and entry[2] in FRAGMENT:
                yield f"line {constant.lineno}: {line.strip()}"
        first = re.match(r"\w*", constant.value)
        if constant.value not in own and first and first[0] in FRAGMENT:
            yield f"line {constant.lineno}: {constant.value.splitlines()[0]}"


def ranges_in_words(tree: ast.Module) -> Iterator[str]:
    """Messages that say "at least 0" for ">= 0"."""
    documenting = docstrings(tree)
    inside = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        text = None
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside | documenting:
            text = node.value
        if text and IN_WORDS.search(text):
            yield f"line {node.lineno}: {text}"


def defined(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names that a module gives: of functions, classes, arguments, variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def retired(tree: ast.Module) -> Iterator[str]:
    """Names that have given way to the field's."""
    for line, name in defined(tree):
        parts = {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
        instead = [RETIRED_PARTS[part] for part in sorted(parts & set(RETIRED_PARTS))]
        instead += [RETIRED_NAMES[whole] for whole in {name.lower().strip("_")} & set(RETIRED_NAMES)]
        if instead and name not in ALIASES:
            yield f"line {line}: {name}: use {', '.join(instead)}"


@pytest.mark.parametrize("finder", [without_a_verb, fragments, ranges_in_words, retired], ids=lambda finder: finder.__name__)
@pytest.mark.parametrize("name", [*sorted(MAY_IMPORT), None])  # None: the package itself.
def test_a_room_keeps_the_words(name: str | None, finder: Finder):
    own = {module: tree for module, tree in modules().items() if room(module) == name}
    assert own
    assert [f"{module}: {wrong}" for module, tree in own.items() for wrong in finder(tree)] == []


@pytest.mark.parametrize(
    ("finder", "wrong", "right"),
    [
        (without_a_verb, 'def f(x):\n    """What x is."""', 'def f(x):\n    """Return x."""'),
        (without_a_verb, 'class C:\n    def f(self):\n        """The x."""', 'class C:\n    """The x."""'),
        (fragments, 'def f(x):\n    """Do.\n\n    Args:\n        x: Of y.\n    """',
         'def f(x):\n    """Do.\n\n    Args:\n        x: The number of y.\n    """'),
        (fragments, 'class C:\n    x: int\n    """Of y."""', 'class C:\n    x: int\n    """Number of y."""'),
        (ranges_in_words, 'x = f"{y}: expected a number at least 0"', 'x = f"{y}: expected a number >= 0"'),
        (ranges_in_words, 'x = f"{y}: expected at most {n} entries"', '"""At least 0."""'),
        (ranges_in_words, 'x = "expected a number above 0"', 'x = "the line above 0 is red"'),
        (retired, "def hour_luck(): pass", 'stream(seed, "luck")'),
        (retired, "class C:\n    def __init__(self, place):\n        self.x = place", "self.x = other.place"),
        (retired, "isSifted = 1", "replaced = 1"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_found_and_a_right_one_is_not(finder: Finder, wrong: str, right: str):
    assert len(list(finder(ast.parse(wrong)))) == 1
    assert list(finder(ast.parse(right))) == []
