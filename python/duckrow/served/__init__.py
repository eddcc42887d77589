"""Connections to a database that a service has: `duckrow serve`.

What reads runs in this process, on the newest snapshot; what writes, and what reads within a transaction, runs at the service.
"""
