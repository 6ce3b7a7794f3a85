"""The report and the slides: one structure of facts, and the two files that show it."""
