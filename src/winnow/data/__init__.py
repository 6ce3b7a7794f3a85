"""From an archive of images to packed, checked, repaired ones."""
