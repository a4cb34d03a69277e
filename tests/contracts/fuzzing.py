"""What both documents are held to: every operation, with requests that it must bear: ten, or as
many as CONTRACT_EXAMPLES says (`make contracts` and CI: a hundred).

Some of the requests fit the document and some do not. No answer is a fault of the service, and each
has a status, a kind and a form that the document declares.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES: Final = int(os.environ.get("CONTRACT_EXAMPLES", "10"))
_HEADERS: Final = {"Authorization": "Bearer secret"}
_TIMEOUT_S: Final = 20.0
# These answer without an end.
_STREAMS: Final = ("/stream", "/stream.jsonl")
_CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def bears_all(url: str, document: dict[str, Any], part: int, parts: int) -> None:
    """Hold one of so many parts of the operations to their document; the workers of a run share
    the parts. Raises AssertionError with everything that is wrong."""
    schema = schemathesis.openapi.from_dict(document)
    found = list(schema.get_all_operations())
    wrong = [repr(one) for one in found if not isinstance(one, Ok)]
    operations = [one.ok() for one in found if isinstance(one, Ok)]
    operations = [one for one in operations if not one.path.endswith(_STREAMS)]
    with requests.Session() as session:

        def call(case: Case[Any]) -> Any:
            return case.call(
                base_url=url,
                session=session,
                headers=_HEADERS,
                timeout=_TIMEOUT_S,
                allow_redirects=False,
            )

        for operation in operations[part::parts]:
            with _faults() as faults:
                try:
                    _hold(operation, call)
                except Exception as error:
                    wrong.append(f"{operation.label}: {error!r}")
            wrong += [f"{operation.label}: {fault}" for fault in faults]
    assert not wrong, "\n\n".join(wrong)


@contextmanager
def _faults() -> Iterator[list[str]]:
    """Yield what the server says of its own faults: a request that it drops without an answer is
    sent again, and may be answered then."""
    found: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: found.append(handler.format(record))  # type: ignore[method-assign]
    log = logging.getLogger("uvicorn.error")
    log.addHandler(handler)
    try:
        yield found
    finally:
        log.removeHandler(handler)


def _hold(operation: Any, call: Callable[[Case[Any]], Any]) -> None:
    """Send requests to an operation; raises what the first wrong answer violates."""
    cases = [operation.as_strategy(generation_mode=GenerationMode.POSITIVE)]
    if operation.body or list(operation.iter_parameters()):
        cases.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        # A failure is told as it was found: to make it small takes longer than to read it.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(cases))
    def bears(case: Case[Any]) -> None:
        case.validate_response(call(case), checks=_CHECKS)

    bears()
