"""A storm on a real vault: seeded faults on real processes while brands read and owners decide."""
