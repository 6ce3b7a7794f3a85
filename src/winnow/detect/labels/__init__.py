"""Label issues: how probable each given label is, what a better one would be, and the noise matrix."""
