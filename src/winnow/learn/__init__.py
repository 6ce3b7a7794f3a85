"""What is learnt from features: folds, neighbours, the linear probe, the projection of the map."""
