"""Why accuracy differs between two test sets of one task."""
