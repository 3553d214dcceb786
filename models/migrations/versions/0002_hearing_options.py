"""Calls keep how people want them to be heard."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    column = sa.Column(
        "options",
        postgresql.JSONB(astext_type=sa.Text()),
        nullable=False,
        # For the calls that are there; new ones bring their own.
        server_default=sa.text("'{}'::jsonb"),
    )
    op.add_column("calls", column)
    op.alter_column("calls", "options", server_default=None)
