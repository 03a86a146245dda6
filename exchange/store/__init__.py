"""Databases: tables from the schema, capture triggers, and every query of both roles.

Only this room imports sqlite3 and SQLAlchemy. Statements are plain SQL that SQLite and PostgreSQL share; SQLAlchemy
gives the tables their DDL and the server its connections, and is imported only there: it takes longer to start than
most commands take to run.
"""
