"""From films to a bundle. Needs the [train] extra; nothing outside this folder imports it."""
