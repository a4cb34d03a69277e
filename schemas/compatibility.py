"""What a changed JSON Schema takes away from those who rely on the old one.

Fields and values may be added; none is renamed, dropped or newly required inside a major version
(contracts). So everything that the old document accepts and names, the new one accepts and names.
"""

from collections.abc import Iterator
from typing import Any, Final

Schema = dict[str, Any]

_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
# Compared as a whole: any change of them may refuse what was accepted.
_WHOLE: Final = ("pattern", "format", "not", "dependentRequired")
_SILENT: Final = frozenset({"title", "description", "default", "examples", "$schema", "$id"})


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return what `new` breaks for those who read or write by `old`, one sentence for each."""
    return list(_compare("$", old, new, old, new))


def _compare(
    path: str, old: Schema, new: Schema, old_root: Schema, new_root: Schema
) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if not new.keys() - _SILENT - {"$defs"}:
        return  # it accepts anything
    if not old.keys() - _SILENT - {"$defs"}:
        yield f"{path}: no longer accepts any value"
        return
    choices = _alternatives(new)
    for choice in _alternatives(old):
        sort = _type(_resolved(choice, old_root))
        alike = [one for one in choices if _fits(sort, _type(_resolved(one, new_root)))]
        yield from min(
            (
                list(_compare_one(path, choice, candidate, old_root, new_root))
                for candidate in alike or choices
            ),
            key=len,
        )


def _compare_one(
    path: str, old: Schema, new: Schema, old_root: Schema, new_root: Schema
) -> Iterator[str]:
    """Compare two schemas that are not a choice between others."""
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if not _fits(_type(old), _type(new)):
        yield f"{path}: type {_type(old)} became {_type(new)}"
        return
    yield from _values(path, old, new)
    yield from _limits(path, old, new)
    for field in new.get("required", ()):
        if field not in old.get("required", ()):
            yield f"{path}.{field}: newly required"
    for field, schema in old.get("properties", {}).items():
        if field in new.get("properties", {}):
            there = new["properties"][field]
            yield from _compare(f"{path}.{field}", schema, there, old_root, new_root)
        else:
            yield f"{path}.{field}: removed"
    for keyword in ("items", "additionalProperties", "propertyNames"):
        here, there = old.get(keyword, True), new.get(keyword, True)
        if there is False and here is not False:
            yield f"{path}: {keyword} forbidden now"
        elif isinstance(there, dict) and here is not False:
            here = {} if here is True else here
            yield from _compare(f"{path}[{keyword}]", here, there, old_root, new_root)
    pairs = zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)
    for place, (here, there) in enumerate(pairs):
        yield from _compare(f"{path}[{place}]", here, there, old_root, new_root)


def _values(path: str, old: Schema, new: Schema) -> Iterator[str]:
    allowed = _enumerated(new)
    if allowed is None:
        return
    before = _enumerated(old)
    if before is None:
        yield f"{path}: accepts only certain values now"
        return
    for value in before:
        if value not in allowed:
            yield f"{path}: value {value!r} removed"


def _limits(path: str, old: Schema, new: Schema) -> Iterator[str]:
    for keyword in _UPPER:
        if keyword in new and new[keyword] < old.get(keyword, float("inf")):
            yield f"{path}: {keyword} tightened to {new[keyword]}"
    for keyword in _LOWER:
        if keyword in new and new[keyword] > old.get(keyword, float("-inf")):
            yield f"{path}: {keyword} tightened to {new[keyword]}"
    for keyword in _WHOLE:
        if keyword in new and new[keyword] != old.get(keyword):
            yield f"{path}: {keyword} changed"
    if _conditions(new) is not None and _conditions(new) != _conditions(old):
        yield f"{path}: anyOf changed"


def _alternatives(schema: Schema) -> list[Schema]:
    """Return the schemas of which one must fit; `anyOf` beside a type is a condition instead."""
    if "anyOf" in schema and "type" not in schema:
        return list(schema["anyOf"])
    return [schema]


def _conditions(schema: Schema) -> Any:
    return schema.get("anyOf") if "type" in schema else None


def _enumerated(schema: Schema) -> list[Any] | None:
    """Return the only values that a schema accepts, or None where it does not list them."""
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _type(schema: Schema) -> str | None:
    """Return the type that a schema says, or that all of its values have."""
    if "type" in schema:
        return str(schema["type"])
    texts = [isinstance(value, str) for value in _enumerated(schema) or ()]
    return "string" if texts and all(texts) else None


def _fits(old: str | None, new: str | None) -> bool:
    return new is None or old == new or (old, new) == ("integer", "number")


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Follow a reference into the document's own definitions."""
    if "$ref" in schema:
        return dict(root["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    return schema
