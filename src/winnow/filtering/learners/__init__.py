"""What learns from the images that a rule keeps, and says what they teach: a probe, a network or a detector."""
