"""Asks: the pages for customers, brands and regulators."""
