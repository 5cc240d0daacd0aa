"""Figures with patient-clustered intervals, from plain arrays."""
