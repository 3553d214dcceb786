"""Which version of the job queue's own schema is installed."""

from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt


class QueueSchema(Base):
    """One step of the queue library's schema that was applied, named by its migration file.

    The library owns its tables and ships their migrations; these rows say how far they got, so
    that an upgrade of the library is noticed and followed.
    """

    __tablename__ = "queue_schema"

    step: Mapped[str] = mapped_column(primary_key=True)
    applied_at: Mapped[CreatedAt]
