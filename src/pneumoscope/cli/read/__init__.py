"""Commands that read films and show bundles."""
