"""Measures the promises of docs/performance.md: ratios within one run, conditions stated."""
