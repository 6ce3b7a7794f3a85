"""Exact and near duplicates within one set, and leaks between two."""
