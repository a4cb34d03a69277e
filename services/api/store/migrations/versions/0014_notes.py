"""Every note of an alert is found by `q`, and not the newest alone."""

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_PORTION = 1_000


class _Note(msgspec.Struct):
    text: str = ""


class _Acts(msgspec.Struct):
    notes: list[_Note] = []


def upgrade() -> None:
    """Add the older notes to the texts that are searched."""
    connection = op.get_bind()
    alerts = sa.table(
        "alerts",
        sa.column("raised_n", sa.BigInteger),
        sa.column("search", sa.Text),
        sa.column("acts", sa.LargeBinary),
    )
    decode = msgspec.json.Decoder(_Acts).decode
    key = alerts.c.raised_n
    portion = sa.select(key, alerts.c.acts).order_by(key).limit(_PORTION)
    rows = connection.execute(portion).all()
    while rows:
        for raised_n, acts in rows:
            older = [note.text.replace("\x00", "\ufffd") for note in decode(acts).notes[-2::-1]]
            if older:
                text = "\n".join(["", *older]).casefold()
                adding = alerts.update().where(key == raised_n)
                connection.execute(adding.values(search=alerts.c.search.concat(text)))
        rows = connection.execute(portion.where(key > rows[-1].raised_n)).all()
