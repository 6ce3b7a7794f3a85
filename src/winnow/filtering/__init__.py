"""Which images of a dataset can go: outliers and near copies, by the features of any network."""
