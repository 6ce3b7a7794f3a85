"""What each training image is worth to a network: scores from one training and a few of its checkpoints."""
