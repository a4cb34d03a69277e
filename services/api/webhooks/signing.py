"""The headers of Standard Webhooks: an id, a time, and a signature for each secret that holds."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

_SECRET_BYTES: Final = 32
CONTENT_TYPE: Final = "application/cloudevents+json"


def new_secret() -> str:
    """Return a fresh secret."""
    return f"whsec_{b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def headers_of(message_id: str, body: bytes, now_ms: int, signers: Sequence[str]) -> dict[str, str]:
    """Return the headers of a message; `signers` are the secrets, the newest first."""
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    text = body.decode()
    signatures = [Webhook(secret).sign(message_id, now, text) for secret in signers]
    return {
        "content-type": CONTENT_TYPE,
        "user-agent": "cordon-webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": " ".join(signatures),
    }
