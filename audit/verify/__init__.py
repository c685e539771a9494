"""The independent verifiers that travel with every export. They import nothing of ours."""
