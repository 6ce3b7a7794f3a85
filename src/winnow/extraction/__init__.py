"""Features of images from any layer of any trained network."""
