"""The front door: a workspace around anybody's images, its scores, and what was found, in words."""
