"""Measures the product beside hand-written floors and prints ratios (`make bench`); it is no test."""
