"""Results as documents: one PDF page per film, a CSV table, JSON."""
