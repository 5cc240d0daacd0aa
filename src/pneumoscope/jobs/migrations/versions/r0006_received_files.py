"""The files of folders, buckets and other sources that were received."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Creates the table, empty."""
    op.create_table(
        "received_files",
        sa.Column("place", sa.String(64), primary_key=True),
        sa.Column("version", sa.String(255), nullable=False),
        sa.Column("job", sa.String(32), index=True),
    )
