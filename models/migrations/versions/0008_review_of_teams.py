"""Verdicts can be taken back; frozen accuracy can be that of one team."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_STANDING = "ck_finding_verdicts_standing"


def upgrade() -> None:
    _allow("'current','superseded','withdrawn','detached'")
    op.add_column("accuracy_snapshots", sa.Column("team", sa.Text()))


def downgrade() -> None:
    op.drop_column("accuracy_snapshots", "team")
    op.execute("UPDATE finding_verdicts SET standing = 'superseded' WHERE standing = 'withdrawn'")
    _allow("'current','superseded','detached'")


def _allow(standings: str) -> None:
    op.drop_constraint(op.f(_STANDING), "finding_verdicts", type_="check")
    op.create_check_constraint(op.f(_STANDING), "finding_verdicts", f"standing IN ({standings})")
