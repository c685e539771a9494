"""The customer's four tabs: home, requests, activity, my data."""
