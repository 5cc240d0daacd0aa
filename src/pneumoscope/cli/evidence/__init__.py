"""Commands that measure data sets and bundles."""
