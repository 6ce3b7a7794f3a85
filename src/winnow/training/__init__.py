"""The network, the recipe and the training loop: fixed, so that only the data varies."""
