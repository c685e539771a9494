"""What partners bring into pods: one record in a call, or thousands in a stream."""

from consent.contributions.single import contribute

__all__ = ["contribute"]
