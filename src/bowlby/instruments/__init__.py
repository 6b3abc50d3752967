"""Questionnaires: their keys as data, scoring, reliability, and an audit of the key from the data."""
