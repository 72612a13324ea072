"""Experiments that come with the checkout: see README.md."""
