"""The lung field of a film."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the lung field; films that were read before have none."""
    op.add_column("predictions", sa.Column("lungs", sa.LargeBinary))
    op.add_column("predictions", sa.Column("lungs_rows", sa.Integer))
