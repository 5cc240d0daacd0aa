"""The anchor of the audit log; the last time that the server's clock was known to be right."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Creates the tables; an earlier log gets its anchor with its next line."""
    anchor = op.create_table(
        "audit_anchor",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("mac", sa.String, nullable=False),
        sa.Column("mark", sa.String, nullable=False),
    )
    op.bulk_insert(anchor, [{"id": 1, "seq": 0, "mac": "0" * 64, "mark": ""}])
    op.create_table(
        "clock",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time", sa.Double, nullable=False),
    )
