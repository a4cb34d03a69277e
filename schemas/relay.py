"""How the API hands on to ingest what people report: by a token that both make of a key they share.

Ingest alone writes events, and its tokens are kept as digests, so the API has none to show. A
deployment's pseudonym key is at both already.
"""

from schemas.access import Grant
from schemas.persons import PseudonymKey

GRANT = Grant("the desk", "device")


def relay_token(key: PseudonymKey) -> str:
    """Return the token; it stands for GRANT at ingest, and nowhere else."""
    return key.derive("report-relay").hex()
