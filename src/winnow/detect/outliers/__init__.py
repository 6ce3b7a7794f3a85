"""Out-of-distribution scores: how much an image looks like none of the classes."""
