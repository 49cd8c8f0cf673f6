"""The catalogue's schema, step by step. Every step runs inside one transaction (core.catalog.migrate)."""
