"""Database rows: tables, session, repositories, migrations. No neural weights here."""
