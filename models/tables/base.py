"""Declarative base and the column types that every table shares."""

import datetime as dt
import uuid
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, MetaData, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

# Names are fixed so that migrations can drop what they created.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all rows. Python types decide column types."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        str: Text,
        dt.datetime: DateTime(timezone=True),
        uuid.UUID: Uuid,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


CreatedAt = Annotated[dt.datetime, mapped_column(server_default=func.now())]
Serial = Annotated[int, mapped_column(BigInteger, primary_key=True, autoincrement=True)]

# Tables that grow with the calls are partitioned by month of the call's id: a version 7 UUID
# starts with its time, so one column is primary key, foreign key and partition key at once.
BY_CALL_ID = {"postgresql_partition_by": "RANGE (call_id)"}
