"""Evidence: figures with intervals that a reviewer would accept. Reads films and bundles, trains nothing."""
