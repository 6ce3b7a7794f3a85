"""The plan (how many copies of what) and the techniques that carry it out."""
