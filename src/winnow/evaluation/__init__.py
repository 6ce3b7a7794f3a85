"""Balanced accuracy, the course's summary, and the scorecard of every decision against the truth."""
