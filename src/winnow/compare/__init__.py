"""Paired statistics: how two runs differ on the same images, and how sure one can be of it."""
