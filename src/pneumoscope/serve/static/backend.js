// The interface between the page and the back end that reads the films. `http.js` implements it over a
// server. The page is given an object of this type and knows no addresses, requests or jobs.

/**
 * @typedef {object} Backend
 *
 * All methods reject with a `Problem` where they fail.
 *
 * @property {{film: string[], films: string[]}} formats  What `downloadFilm` ("overlay", "pdf", "json",
 *   "csv", "sr", "sc", "seg", "fhir") and `downloadFilms` ("csv", "json", "pdf", "zip") offer, in the order of the menus.
 * @property {boolean} [knowsPatients]  Whether it finds the films of one patient.
 * @property {(bundle?: string|null) => Promise<Settings>} settings  What a reader may choose with a bundle,
 *   by default the back end's default one, and the limits.
 * @property {() => Promise<User>} user  Who is signed in.
 * @property {(bundle?: string|null) => Promise<Model>} model  A bundle, by default the back end's default one.
 * @property {() => Promise<void>} signOut  Ends the session and leaves the page; called only if the user has
 *   an account.
 * @property {() => Promise<Account>} account  The user's account; this and the next three are called only if
 *   the user has one.
 * @property {(current: string, wanted: string, code?: string) => Promise<void>} changePassword
 * @property {(id: string, current: string, code?: string) => Promise<void>} endSession  Ends one of the user's sessions.
 * @property {(current: string, code?: string) => Promise<void>} endSessions  Ends all of them but this one.
 * @property {() => Promise<object>} [node]  The status of the DICOM node, as docs/how-to/pacs-node.md describes it;
 *   called only for administrators, and if `Settings.node` is true.
 * @property {(file: File, settings: ReadSettings, listener: ReadListener) => ReadJob} read  Reads one
 *   file: a film, or a ZIP archive of films.
 * @property {(name: string) => Promise<File>} [sample]  One of the films of `Settings.samples`.
 * @property {(query: Query) => Promise<FilmRecord[]>} list  The reader's films, newest first.
 * @property {(id: string, kind: "film"|"heatmap"|"cells"|"lungs"|"thumbnail") => Promise<CanvasImageSource>} picture
 * @property {(id: string) => Promise<FilmValues>} [values]  The film at its full depth, for grey windows; called
 *   for films of more than 8 bits, and for DICOM.
 * @property {(record: FilmRecord, format: string) => boolean} [offers]  Whether `downloadFilm` offers a
 *   format for this film; without it, every format for every film.
 * @property {(id: string, destination: string) => Promise<void>} [send]  Sends a film's result to one of
 *   `Settings.destinations`.
 * @property {(id: string, format: string) => Promise<void>} downloadFilm  Saves one film's result to a file.
 * @property {(ids: string[], format: string) => Promise<void>} downloadFilms  Saves several results to one file.
 * @property {(id: string) => Promise<void>} delete  Erases one result with its film.
 * @property {() => Promise<number>} deleteAll  Erases all of the reader's results; returns how many.
 */

/**
 * @typedef {object} Account
 * @property {string|null} first_password_until  ISO 8601; null if the user has chosen the password.
 * @property {{id: string, created: string, seen: string, current: boolean}[]} sessions  Open sessions.
 */

/**
 * @typedef {object} ReadSettings  How a film is to be read; null or a missing key means the default.
 * @property {string|null} [bundle]  Name of the bundle that reads it.
 * @property {string|null} [population]  In place of it, where the bundle is chosen for each film: the name of
 *   the bundle whose population the reader chose.
 * @property {string|null} [operating_point]  Name of an operating point.
 * @property {number|null} [prevalence]  In (0, 1).
 * @property {number|null} [error]  Error rate of the conformal set, in (0, 1).
 * @property {"none"|"fast"|"checked"|null} [explain]  Checks of the heatmap.
 * @property {string|null} [patient]  Any key of the patient, by which films of one patient are found.
 * @property {boolean} [force]  Gives a verdict even if the gate refuses the film.
 */

/**
 * @typedef {object} ReadListener  Called while a file is read, in this order. `accepted` is not called
 *   for a single film that is read at once.
 * @property {(share: number) => void} sent  Share of the file that was sent, in [0, 1].
 * @property {(counts: Counts) => void} accepted  The file's films are queued.
 * @property {(record: FilmRecord, counts: Counts) => void} film  A film has been read or has failed;
 *   called once for each.
 */

/**
 * @typedef {object} ReadJob  The reading of one file.
 * @property {Promise<Counts>} ended  Resolves when all films have been read; rejects with an AbortError after
 *   `cancel`, and with a Problem of status 429 and `retryAfter` in seconds if the back end is busy.
 * @property {() => void} cancel  Drops the films that have not been begun; the listener is not called again.
 */

/**
 * @typedef {object} Counts
 * @property {number} done  Films that have been read, have failed or were deleted.
 * @property {number} total
 */

/**
 * @typedef {object} Query
 * @property {number} limit  Largest number of records.
 * @property {string} [label]  Only films with this verdict.
 * @property {string} [before]  Only films older than the one with this id.
 * @property {string} [patientOf]  Only films of the same patient as the one with this id, itself among them.
 */

/**
 * @typedef {object} FilmRecord
 * @property {string} id
 * @property {string} created  ISO 8601.
 * @property {{name: string}} film
 * @property {"queued"|"running"|"done"|"failed"} state
 * @property {object|null} result  As `pneumoscope predict --json` without `source`, with the sentences
 *   for readers in `words`, and `lung_outline`, true if there is a picture of the lungs' outline:
 *   docs/reference/output.md and docs/reference/api.md.
 * @property {{title: string, detail: string, hint: string}|null} error  Why the film was not read.
 */

/**
 * @typedef {object} FilmValues  As pneumoscope.images.film_values, at the size of the picture "film".
 * @property {number} rows
 * @property {number} columns
 * @property {Uint16Array} values  Row by row.
 * @property {number} first  What the value 0 stands for, such as -1024.
 * @property {number} step  The same from one value to the next.
 * @property {boolean} is_inverse  The lowest value is white.
 * @property {boolean} padding  The value 0 stands for padding, which is black.
 * @property {{name: string, low: number, high: number, curve: number[]|null}[]} vois  Windows and curves of the
 *   film's header; the picture "film" is made by the first one.
 */

/**
 * @typedef {object} Settings  As `GET /settings`; without a key there is no such choice or limit.
 * @property {{properties: Object<string, Field>}} [form]  The settings that a reader can choose, by their
 *   names in `ReadSettings`; `force` is offered with the verdict of a refused film.
 * @property {Bundle[]} [bundles]  Those that a reader can choose from.
 * @property {boolean} [automatic]  Whether a bundle is chosen for each film, by its population, unless the reader
 *   names one.
 * @property {string[]} [samples]  Names of synthetic films to try the page with.
 * @property {{max_body_bytes?: number, drawn_films?: number}} [limits]  Bytes of a file; films in a PDF
 *   or ZIP.
 * @property {boolean} [node]  Whether the back end knows the status of a DICOM node.
 */

/**
 * @typedef {object} Bundle
 * @property {string} name  As in `ReadSettings`.
 * @property {string} bundle  Its title, as in `Model` and in results.
 * @property {string} bundle_sha256
 * @property {boolean} default  Whether it reads films for which none is named; true of one, or of none if the
 *   bundle is chosen for each film.
 * @property {string} positive  What it calls a film that is not normal.
 * @property {string} [population]  Whom its training films show.
 */

/**
 * @typedef {object} Field  JSON Schema of a setting: a choice has `oneOf` and `enum`, a share `minimum` and
 *   `maximum`, in (0, 1).
 * @property {string} title
 * @property {string} description
 * @property {string|number} [default]
 * @property {{const: string, title: string, description: string}[]} [oneOf]
 * @property {string[]} [enum]
 * @property {number} [minimum]
 * @property {number} [maximum]
 */

/**
 * @typedef {object} User
 * @property {string} name
 * @property {"viewer"|"operator"|"admin"} role
 * @property {boolean} accounts  Whether there are accounts to sign in to.
 */

/**
 * @typedef {object} Model  As `GET /model`.
 * @property {string} bundle
 * @property {string} bundle_sha256
 * @property {string} positive  What the bundle calls a film that is not normal.
 * @property {string} card  The model card, in Markdown.
 * @property {string} [intended_use]  In sentences.
 * @property {string|null} [profile]
 * @property {{text: string}|null} [population]
 * @property {string} [pneumoscope]  Version of the package.
 * @property {Model[]} [bundles]  All bundles among which films choose.
 */

/** A failure with a title, a detail and a hint for readers; `status` is HTTP's, or 0. */
export class Problem extends Error {
  constructor({ title, detail = "", hint = "", status = 0, code = "", retryAfter = 0 }) {
    super(detail || title);
    Object.assign(this, { title, detail, hint, status, code, retryAfter });
  }
}
