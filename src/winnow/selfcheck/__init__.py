"""Faults planted in a copy of the user's own data, and how many of them the detectors find."""
