"""Readers of folders, zips and tars, and what they share: which names are sound, and which are no part of a dataset."""
