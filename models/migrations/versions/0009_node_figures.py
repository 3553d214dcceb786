"""Figures of tree nodes are measured again: scores became probabilities, thresholds with them."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("DELETE FROM tree_figures")


def downgrade() -> None:
    op.execute("DELETE FROM tree_figures")
