// Why a film cannot be read: the same codes, messages and hints as `pneumoscope.errors`, whose sentences
// the page gets as data (errors.json), with {name} and other values as placeholders.

/** A film that cannot be read; `code` is the name of the class in pneumoscope.errors. */
export class FilmError extends Error {
  constructor(code, values = {}) {
    super(code);
    this.code = code;
    this.values = values;
  }
}

/** Right format, broken content. */
export const unreadable = (reason) => new FilmError("UnreadableImage", { reason });

/** Several frames or pages, or no pixels at all. */
export const notOneFilm = (what) => new FilmError("NotA2DImage", { what });

export const truncated = () => new FilmError("TruncatedImage");

/** A rare kind of JPEG, TIFF or DICOM coding. */
export const rareCoding = (what) => new FilmError("UnsupportedCoding", { what });
