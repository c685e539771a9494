"""The description of the partner's door (OpenAPI 3.1), composed from the tables that the door uses."""
