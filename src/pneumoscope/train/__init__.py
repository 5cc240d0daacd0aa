"""From films to a bundle. Needs the [train] extra; only the command line imports it."""
