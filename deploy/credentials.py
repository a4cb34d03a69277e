"""The tokens that a deployment begins with: made once, the same after every restart."""

from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.private_file import write_private
from schemas.access import Grant, Role, TokenFile, add_token, new_token

# Who holds them, as it is written into registers and acts.
_GRANTS: dict[str, tuple[str, Role]] = {
    "admin_token": ("admin", "admin"),
    "device_token": ("device", "device"),
    "replay_token": ("replay", "replay"),
}


class Credentials(Struct, frozen=True):
    """The plain tokens; kept in a file of mode 0600, since tokens.json has only digests."""

    admin_token: str
    device_token: str
    replay_token: str


def ensure_credentials(secrets_path: Path, tokens_path: Path) -> Credentials:
    """Return the deployment's tokens, made if there are none, and known to the token file.

    The token file is left alone when it knows them: sessions end when it changes.
    """
    if secrets_path.exists():
        credentials = msgspec.json.decode(secrets_path.read_bytes(), type=Credentials)
    else:
        credentials = Credentials(new_token(), new_token(), new_token())
        write_private(secrets_path, msgspec.json.format(msgspec.json.encode(credentials)))
    known = TokenFile.load(tokens_path) if tokens_path.exists() else TokenFile({})
    for field, (name, role) in _GRANTS.items():
        token: str = getattr(credentials, field)
        if known.grant_of(token) is None:
            add_token(tokens_path, token, Grant(name, role))
    return credentials
