"""Which reasons of the suppression table a rule's source yields, read from the source itself."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

# What the `kind` of these may be: an order's cover (rules/registers.py), and an exemption, of which
# the whitelist never explains why a vehicle is here (rules/first_seen_vehicle.py).
_OBJECTS = {
    "cover": {"permit", "transfer"},
    "exempt": {"whitelist", "green-channel", "fleet"},
    "exempted": {"green-channel", "fleet"},
}


class Unread(Exception):
    """A reason that this reader can't tell: say it as a literal, a constant or a function."""


class Source:
    """One module of rules/."""

    def __init__(self, path: Path) -> None:
        self._module: ModuleType = importlib.import_module(f"rules.{path.stem}")
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._functions = {
            each.name: each for each in ast.walk(self._tree) if isinstance(each, ast.FunctionDef)
        }
        self._asking: set[tuple[str, str]] = set()

    def reasons(self) -> set[str]:
        """Return every name that the module gives for finding nothing, or for taking it back."""
        found: set[str] = set()
        for function in self._functions.values():
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    for reason in self._given(node):
                        found |= self._names(reason, function)
                if isinstance(node, ast.Return) and function.name == "excuse" and node.value:
                    found |= self._names(node.value, function)
        return {name.partition(":")[0] for name in found}

    def texts(self) -> set[str]:
        """Return every string that stands in the module or that it imports by name."""
        written = {
            node.value
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        return written | {each for each in vars(self._module).values() if isinstance(each, str)}

    def _given(self, call: ast.Call) -> Iterator[ast.expr]:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in ("Kept", "Cover") and call.args:
            yield call.args[0]
        yield from (each.value for each in call.keywords if each.arg == "withdrawn")

    def _names(self, node: ast.expr, function: ast.FunctionDef, place: int = 0) -> set[str]:
        match node:
            case ast.Constant(value=None | ""):
                return set()
            case ast.Constant(value=str(text)):
                return {text}
            case ast.JoinedStr(values=[first, *_]):
                inner = first.value if isinstance(first, ast.FormattedValue) else first
                return self._names(inner, function)
            case ast.BoolOp(values=values):
                return set().union(*(self._names(value, function, place) for value in values))
            case ast.IfExp(body=body, orelse=orelse):
                return self._names(body, function, place) | self._names(orelse, function, place)
            case ast.Tuple(elts=elements):
                return self._names(elements[place], function)
            case ast.Attribute(value=ast.Name(id=name), attr="kind") if name in _OBJECTS:
                return set(_OBJECTS[name])
            case ast.Attribute(attr="withdrawn" | "excuse"):
                return set()  # What was said already where it was found, told again.
            case ast.ListComp(elt=element):
                return self._names(element, function, place)
            case ast.Name(id=name):
                return self._of_name(name, function, place)
            case ast.Call(func=ast.Name(id=name)) if name in self._functions:
                return self._returned(self._functions[name], place)
        raise Unread(f"{self._module.__name__}:{node.lineno}: {ast.unparse(node)}")

    def _returned(self, function: ast.FunctionDef, place: int) -> set[str]:
        found: set[str] = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                found |= self._names(node.value, function, place)
            if isinstance(node, ast.Yield) and node.value is not None:
                found |= self._names(node.value, function, place)
        return found

    def _of_name(self, name: str, function: ast.FunctionDef, place: int) -> set[str]:
        constant = getattr(self._module, name, None)
        if isinstance(constant, str):
            return {constant}
        if (function.name, name) in self._asking:
            return set()
        self._asking.add((function.name, name))
        try:
            values = [*self._assigned(name, function), *self._passed(name, function)]
            if not values:
                raise Unread(f"{self._module.__name__}:{function.name}: {name}")
            return set().union(*(self._names(value, of, at or place) for value, of, at in values))
        finally:
            self._asking.discard((function.name, name))

    def _assigned(
        self, name: str, function: ast.FunctionDef
    ) -> Iterator[tuple[ast.expr, ast.FunctionDef, int]]:
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                targets = [(target, node.value) for target in node.targets]
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                targets = [(node.target, node.value)]
            elif isinstance(node, ast.For | ast.comprehension):
                listed = node.iter.elts if isinstance(node.iter, ast.Tuple) else [node.iter]
                targets = [(node.target, each) for each in listed]
            else:
                continue
            for target, value in targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield value, function, 0
                elif isinstance(target, ast.Tuple):
                    for place, element in enumerate(target.elts):
                        if not (isinstance(element, ast.Name) and element.id == name):
                            continue
                        if isinstance(value, ast.Tuple):
                            yield value.elts[place], function, 0
                        else:
                            yield value, function, place

    def _passed(
        self, name: str, function: ast.FunctionDef
    ) -> Iterator[tuple[ast.expr, ast.FunctionDef, int]]:
        """Yield what other functions of the module give for an argument."""
        names = [each.arg for each in function.args.args]
        if name not in names:
            return
        place = names.index(name)
        for caller in self._functions.values():
            for node in ast.walk(caller):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function.name:
                    if place < len(node.args):
                        yield node.args[place], caller, 0
                    yield from (
                        (each.value, caller, 0) for each in node.keywords if each.arg == name
                    )
