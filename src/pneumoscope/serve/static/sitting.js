// The sitting, which survives a reload of the page: which films are in the list, which verdicts were shown and
// what the reader called. Kept in this tab only, by the ids of the back end: no name and no picture.

const KEY = "pneumoscope.sitting";
const PORTION = 500; // records in one request
const MOST_REQUESTS = 10;

/** Keeps the films of the list that have been read. */
export function keepSitting(rows, selected) {
  const films = rows
    .filter((row) => row.record?.state === "done")
    .map(({ record, revealed, call }) => ({ id: record.id, revealed, call }));
  try {
    if (films.length) sessionStorage.setItem(KEY, JSON.stringify({ films, selected: selected?.record?.id ?? null }));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Private windows may refuse storage: then a reload begins a new sitting.
  }
}

/** Forgets the sitting, for example when its reader signs out. */
export function forgetSitting() {
  keepSitting([], null);
}

/** The films of the sitting before the reload, {record, revealed, call} each, and the id of the selected one. */
export async function formerSitting(backend) {
  const { films, selected } = stored();
  if (!films.length) return { films: [], selected: null };
  const records = await recordsOf(backend, new Set(films.map(({ id }) => id)));
  // The back end may have deleted some since.
  const known = films.filter(({ id }) => records.has(id));
  return { films: known.map(({ id, revealed, call }) => ({ record: records.get(id), revealed, call })), selected };
}

function stored() {
  try {
    const { films, selected } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    return { films: Array.isArray(films) ? films : [], selected };
  } catch {
    return { films: [], selected: null };
  }
}

/** Records by id, as far as the back end has them. */
async function recordsOf(backend, wanted) {
  const records = new Map();
  let before = null;
  for (let request = 0; request < MOST_REQUESTS && records.size < wanted.size; request += 1) {
    const portion = await backend.list({ limit: PORTION, before });
    for (const record of portion) if (wanted.has(record.id) && record.state === "done") records.set(record.id, record);
    if (portion.length < PORTION) break;
    before = portion.at(-1).id;
  }
  return records;
}
