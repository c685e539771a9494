"""A vault of invented customers, where a brand's engineer can meet every answer (docs/sandbox.md)."""
