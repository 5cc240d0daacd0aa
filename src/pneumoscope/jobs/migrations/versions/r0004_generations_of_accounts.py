"""Sessions and tokens end with the password; first passwords expire; a second factor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the columns; earlier passwords, sessions and tokens stay valid."""
    for table in ("accounts", "sessions", "tokens"):
        op.add_column(
            table, sa.Column("generation", sa.Integer, nullable=False, server_default="1")
        )
    op.add_column("accounts", sa.Column("first_password_until", sa.Double))
    op.add_column("accounts", sa.Column("totp", sa.LargeBinary))
    op.add_column("accounts", sa.Column("totp_step", sa.Integer))
