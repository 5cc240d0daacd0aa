"""When a delivery was given up: its result is kept for the same time again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds the time; deliveries that were given up before have none."""
    op.add_column("deliveries", sa.Column("given_up_at", sa.DateTime(timezone=True)))
