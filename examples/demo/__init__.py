"""The demo: a whole world on this machine's loopback that lives through the main stories."""
