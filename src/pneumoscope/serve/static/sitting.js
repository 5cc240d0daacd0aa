// The sitting, which survives a reload of the page: which films are in the list, which verdicts were shown, what
// the reader called and how films are labelled. Kept in this tab only, by the ids of the back end: no name and no picture.

const KEY = "pneumoscope.sitting";
const PORTION = 500; // records in one request
const MOST_REQUESTS = 10;

/** Keeps the films of the list that have been read, and the ids of unseen results that are no longer in it. */
export function keepSitting(rows, selected, unseen = []) {
  const films = rows
    .filter((row) => row.record?.state === "done")
    .map(({ record, revealed, call, labels, group }) => ({ id: record.id, revealed, call, labels, group }));
  try {
    if (films.length || unseen.length) sessionStorage.setItem(KEY, JSON.stringify({ films, selected: selected?.record?.id ?? null, unseen }));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Private windows may refuse storage: then a reload begins a new sitting.
  }
}

/** Forgets the sitting, for example when its reader signs out. */
export function forgetSitting() {
  keepSitting([], null);
}

/**
 * The films of the sitting before the reload, {record, revealed, call, labels, group} each, the id of the selected one, and the
 * ids of unseen results.
 */
export async function formerSitting(backend) {
  const { films, selected, unseen } = stored();
  if (!films.length) return { films: [], selected: null, unseen };
  const records = await recordsOf(backend, new Set(films.map(({ id }) => id)));
  // The back end may have deleted some since.
  const known = films.filter(({ id }) => records.has(id));
  return { films: known.map(({ id, ...rest }) => ({ record: records.get(id), ...rest })), selected, unseen };
}

function stored() {
  try {
    const { films, selected, unseen } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    return { films: Array.isArray(films) ? films : [], selected, unseen: Array.isArray(unseen) ? unseen : [] };
  } catch {
    return { films: [], selected: null, unseen: [] };
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
