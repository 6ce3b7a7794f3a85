"""Image quality issues: dark, blurry, grey and so on."""
