"""Errors without HTTP; a film's bundle, priority, study and idempotency key; deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ROWS_AT_ONCE = 500


def upgrade() -> None:
    """Changes the films and creates the deliveries."""
    op.alter_column("predictions", "asked", new_column_name="settings")
    op.add_column("predictions", sa.Column("study", sa.String(64)))
    op.add_column("predictions", sa.Column("idempotency_key", sa.String(64)))
    op.add_column(
        "predictions", sa.Column("priority", sa.Integer, nullable=False, server_default="0")
    )
    op.add_column("predictions", sa.Column("bundle", sa.String(255)))
    op.create_index("ix_predictions_study", "predictions", ["study"])
    op.create_index("predictions_of_key", "predictions", ["owner", "idempotency_key"], unique=True)
    op.create_table(
        "deliveries",
        sa.Column(
            "film",
            sa.String(32),
            sa.ForeignKey("predictions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("destination", sa.String(255), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt", sa.DateTime(timezone=True)),
        sa.Column("error", sa.JSON),
    )
    op.create_index("deliveries_due", "deliveries", ["state", "next_attempt"])
    _convert_errors()


def _convert_errors() -> None:
    """Turns problem details of RFC 9457 into code, message and hint."""
    films = sa.table(
        "predictions", sa.column("id", sa.String), sa.column("error", sa.JSON(none_as_null=True))
    )
    connection = op.get_bind()
    query = sa.select(films).where(films.c.error.is_not(None)).order_by(films.c.id)
    last = ""
    while rows := connection.execute(query.where(films.c.id > last).limit(_ROWS_AT_ONCE)).all():
        for id_, problem in rows:
            error = {
                "code": problem["code"],
                "message": problem["detail"],
                "hint": problem["hint"],
            }
            connection.execute(films.update().where(films.c.id == id_).values(error=error))
        last = rows[-1].id
