"""The errors that pneumoscope raises on purpose; parts of the package derive their own from them.

    PneumoscopeError
    ├── ImageError                  a film cannot be read
    │   ├── MissingFile             (FileNotFoundError)  no such file
    │   ├── IsADirectory            (IsADirectoryError)  a folder where one film was expected
    │   ├── NotPermitted            (PermissionError)    the system refuses to open it
    │   ├── EmptySource             (ValueError)         zero bytes
    │   ├── UnknownFormat           (ValueError)         the first bytes belong to no format that is read
    │   ├── UnreadableImage         (ValueError)         right format, broken content
    │   │   ├── TruncatedImage                           its end is missing
    │   │   ├── OnlyPadding                              its header calls every pixel padding
    │   │   ├── StoredAsText                             a program took it for text and changed its bytes
    │   │   └── DecoderFailed                            its decoder died or was late, twice
    │   ├── UnsupportedSyntax       (ValueError)         DICOM transfer syntax without a decoder
    │   │   └── DeflatedDicom                            deflated: a small file can fill the memory
    │   ├── UnsupportedCoding       (ValueError)         a rare kind of JPEG or TIFF, sound or not
    │   ├── UnsupportedObject       (ValueError)         DICOM without a film for people (SR, CT, For Processing)
    │   ├── NotA2DImage             (ValueError)         several frames or pages, or no pixels at all
    │   ├── TooSmall                (ValueError)         fewer pixels than a verdict needs
    │   └── TooLarge                (ValueError)         over the limit on bytes or pixels
    ├── BundleError                 a model folder cannot be used
    │   ├── BundleMissing           (FileNotFoundError)
    │   │   └── UnknownBundle                            no folder and no bundle has this name
    │   ├── BundleDamaged           (ValueError)         a file does not match its hash
    │   └── BundleMismatch          (ValueError)         made for another version, or malformed
    ├── ProfileError                a site profile cannot be used
    │   ├── ProfileMissing          (FileNotFoundError)
    │   └── ProfileMismatch         (ValueError)         of another bundle or version, or malformed
    ├── UnknownOperatingPoint       (ValueError)
    ├── UsageError                  (ValueError)         arguments that do not go together
    ├── MissingExtra                (ImportError)        an optional part is not installed
    ├── ServerError                 (OSError)            the server refuses, fails or does not answer
    ├── DiskFull                    (OSError)            no room for what is being written
    ├── QueueError                  the queue of a server does not read a film
    │   ├── QueueFull                                    too many films are waiting
    │   ├── ShuttingDown                                 the server accepts no more films
    │   ├── DatabaseInUse                                the database is lost, or another server uses it
    │   ├── DeadlinePassed          (TimeoutError)       the film was not started in time
    │   ├── Interrupted                                  the server stopped before it read the film
    │   ├── Cancelled                                    the sender cancelled the film
    │   ├── DuplicateFilm                                the owner has sent the same film before
    │   ├── BundleNotServed         (ValueError)         a request names a bundle that the server does not have
    │   ├── NotStored               (OSError)            the database cannot be used
    │   └── ServerFault             (RuntimeError)       an unexpected failure; the log has the traceback
    ├── ConversionError             (ValueError)         a model cannot be converted to another format
    ├── BenchError                  (RuntimeError)       a benchmark cannot be run, or became slower
    ├── AccountError                (ValueError)         a user, password or token cannot be used
    ├── UnsafeAddress               (ValueError)         others would reach a server that is not protected
    ├── AuditLogDamaged             (ValueError)         the audit log is not what was written
    └── TrainingError               a bundle cannot be trained
        ├── RecipeError             (ValueError)
        ├── TrackingError                                TensorBoard's files or MLflow cannot be written
        └── DataError               (ValueError)

An error has a ``hint``: what to do next, or ``""``.
"""

from pneumoscope.errors.bundles import (
    BundleDamaged,
    BundleError,
    BundleMismatch,
    BundleMissing,
    ProfileError,
    ProfileMismatch,
    ProfileMissing,
    UnknownBundle,
    UnknownOperatingPoint,
)
from pneumoscope.errors.films import (
    DecoderFailed,
    DeflatedDicom,
    EmptySource,
    ImageError,
    IsADirectory,
    MissingFile,
    NotA2DImage,
    NotPermitted,
    OnlyPadding,
    StoredAsText,
    TooLarge,
    TooSmall,
    TruncatedImage,
    UnknownFormat,
    UnreadableImage,
    UnsupportedCoding,
    UnsupportedObject,
    UnsupportedSyntax,
    image_error,
)
from pneumoscope.errors.jobs import (
    BundleNotServed,
    Cancelled,
    DatabaseInUse,
    DeadlinePassed,
    DuplicateFilm,
    Interrupted,
    NotStored,
    QueueError,
    QueueFull,
    ServerFault,
    ShuttingDown,
)
from pneumoscope.errors.operation import (
    AccountError,
    AuditLogDamaged,
    DiskFull,
    MissingExtra,
    ServerError,
    UnsafeAddress,
    UsageError,
)
from pneumoscope.errors.root import (
    PneumoscopeError,
    restored,
)
from pneumoscope.errors.training import (
    BenchError,
    ConversionError,
    DataError,
    RecipeError,
    TrackingError,
    TrainingError,
)

__all__ = [
    "AccountError",
    "AuditLogDamaged",
    "BenchError",
    "BundleDamaged",
    "BundleError",
    "BundleMismatch",
    "BundleMissing",
    "BundleNotServed",
    "Cancelled",
    "ConversionError",
    "DataError",
    "DatabaseInUse",
    "DeadlinePassed",
    "DecoderFailed",
    "DeflatedDicom",
    "DiskFull",
    "DuplicateFilm",
    "EmptySource",
    "ImageError",
    "Interrupted",
    "IsADirectory",
    "MissingExtra",
    "MissingFile",
    "NotA2DImage",
    "NotPermitted",
    "NotStored",
    "OnlyPadding",
    "PneumoscopeError",
    "ProfileError",
    "ProfileMismatch",
    "ProfileMissing",
    "QueueError",
    "QueueFull",
    "RecipeError",
    "ServerError",
    "ServerFault",
    "ShuttingDown",
    "StoredAsText",
    "TooLarge",
    "TooSmall",
    "TrackingError",
    "TrainingError",
    "TruncatedImage",
    "UnknownBundle",
    "UnknownFormat",
    "UnknownOperatingPoint",
    "UnreadableImage",
    "UnsafeAddress",
    "UnsupportedCoding",
    "UnsupportedObject",
    "UnsupportedSyntax",
    "UsageError",
    "image_error",
    "restored",
]
