"""The store on PostgreSQL: any number of servers on one database. Needs the extra ``postgres``."""

from __future__ import annotations
