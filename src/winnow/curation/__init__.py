"""Decisions: what is kept, relabelled, dropped or set aside for validation, and why."""
