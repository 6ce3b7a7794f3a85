"""Encoders that are trained on the dataset itself, out of fold."""
