"""How many wrong codes of the second factor came in a row with the right password."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds the number."""
    op.add_column(
        "accounts", sa.Column("totp_failures", sa.Integer, nullable=False, server_default="0")
    )
