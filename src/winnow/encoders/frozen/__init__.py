"""Encoders with published weights, which see the dataset for the first time when they embed it."""
