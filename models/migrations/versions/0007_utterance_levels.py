"""How loud each utterance is."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("utterances", sa.Column("level_dbfs", sa.Float()))


def downgrade() -> None:
    op.drop_column("utterances", "level_dbfs")
