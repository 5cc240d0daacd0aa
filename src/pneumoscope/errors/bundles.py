"""A model folder or a site profile cannot be used."""

from __future__ import annotations

from pneumoscope.errors.root import PneumoscopeError


class BundleError(PneumoscopeError):
    """A model folder cannot be used."""


class BundleMissing(BundleError, FileNotFoundError):
    def __init__(self, name: str, reason: str = "no such folder") -> None:
        super().__init__(
            f"bundle {name}: {reason}",
            "Name a folder with bundle.json and model.onnx, or none for the shipped one.",
        )


class UnknownBundle(BundleMissing):
    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, "no such folder, and no bundle has this name")
        self.hint = (
            f"Known names: {', '.join(known)}. Or name a folder with bundle.json and model.onnx."
        )


class BundleDamaged(BundleError, ValueError):
    def __init__(self, name: str, file: str) -> None:
        super().__init__(
            f"bundle {name}: {file} does not match the hash in bundle.json",
            "The folder was changed or copied badly; install pneumoscope or export the bundle again.",
        )


class BundleMismatch(BundleError, ValueError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"bundle {name}: {reason}", "Export the bundle again with this version of pneumoscope."
        )


class ProfileError(PneumoscopeError):
    """A site profile cannot be used."""


class ProfileMissing(ProfileError, FileNotFoundError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"site profile {name}: no such file, or it cannot be read",
            "Name the file that `pneumoscope calibrate DATA --out FILE` wrote.",
        )


class ProfileMismatch(ProfileError, ValueError):
    """It belongs to another bundle, was written by another version, or is malformed."""


class UnknownOperatingPoint(PneumoscopeError, ValueError):
    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"operating point {name!r} is not in this bundle", f"Choose one of: {', '.join(known)}."
        )
