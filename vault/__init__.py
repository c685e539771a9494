"""Holds: pods, records, categories, importers."""
