"""Rewrites bundles of the former format in the present one; only ``bundle.json`` changes.

    python3 tools/upgrade_bundle.py BUNDLE...

What the former format did not say comes from the data sheets inside the package, as it does when
such a bundle is read (`pneumoscope.bundle.former_format`). The hash of the bundle changes, so site
profiles have to be made again for it.
"""

from __future__ import annotations

import sys

from pneumoscope.bundle import META, open_bundle, write_bundle

if __name__ == "__main__":
    for folder in sys.argv[1:]:
        before = open_bundle(folder)
        kept = {path.name: path for path in before.path.iterdir() if path.name != META}
        after = write_bundle(before.path, before.meta, kept)
        print(f"{after.path}: {before.sha256} is now {after.sha256}")
