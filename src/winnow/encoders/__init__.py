"""Encoders that turn images into feature vectors, and the loop that runs them."""
