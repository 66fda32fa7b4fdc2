"""Copies all of a store to another, of whatever kind."""
