"""winnow: turn a noisy image dataset into a better one, and prove it."""
