"""Detectors: arrays in, scores out; they decide nothing."""
