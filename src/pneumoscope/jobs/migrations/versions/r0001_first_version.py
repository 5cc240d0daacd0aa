"""The tables of the first version, which had no migrations: creates those that are missing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    existing = set(sa.inspect(op.get_bind()).get_table_names())
    for name, create in (
        ("jobs", _jobs),
        ("predictions", _predictions),
        ("accounts", _accounts),
        ("sessions", _sessions),
        ("tokens", _tokens),
    ):
        if name not in existing:
            create()


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
    )
    op.create_index("ix_jobs_owner", "jobs", ["owner"])


def _predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job", sa.String(32)),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("patient", sa.String(64)),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("label", sa.String(64)),
        sa.Column("result", sa.JSON),
        sa.Column("error", sa.JSON),
        sa.Column("heatmap", sa.LargeBinary),
        sa.Column("heatmap_rows", sa.Integer),
    )
    op.create_index("predictions_of_owner", "predictions", ["owner", "created", "id"])
    for column in ("job", "state", "patient"):
        op.create_index(f"ix_predictions_{column}", "predictions", [column])


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("password", sa.String, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("changed", sa.Double, nullable=False),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("sha256", sa.String, primary_key=True),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("scopes", sa.String, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("revoked", sa.Double),
        sa.Column("used", sa.Double),
    )
    op.create_index("ix_tokens_account", "tokens", ["account"])
