// Splits a DICOM data set into its elements (PS3.5 chapter 7), also where a writer broke the rules: the same
// as pneumoscope/images/dicom_elements.py.

export const UNDEFINED = 0xffffffff; // PS3.5 7.1.1: a value that ends with a delimiter
const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const LONG = new Set("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split(" "));
const SHORT = new Set("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(" "));
const MOST_NESTED = 16; // sequences within sequences; PS3.3 nests no deeper than five

export const isVr = (name) => LONG.has(name) || SHORT.has(name);
const isDelimiter = (tag) => tag >>> 16 === 0xfffe;

/** The data ends before an element does. */
export class EndOfData extends Error {}

/** @typedef {{tag: number, vr: string|null, start: number, length: number}} Element */
/** @typedef {{implicit: boolean, little: boolean}} Layout */

/** The tag that begins at a position: group, then number, 2 bytes each. */
export function tagAt(bytes, at, little) {
  return bytes.number(at, 2, little) * 65536 + bytes.number(at + 2, 2, little);
}

/** How a data set is written, from its first element: transfer syntaxes are sometimes wrong. */
export function layoutOf(bytes, start) {
  const little = bytes.number(start, 2, true) <= bytes.number(start, 2, false);
  return { implicit: !isVr(bytes.text(start + 4, start + 6).toUpperCase()), little };
}

/** @returns {Element} */
const element = (tag, vr, start, length) => ({ tag, vr, start, length });

/** The element that begins at a position; throws EndOfData if its header is cut. */
export function elementAt(bytes, at, end, layout) {
  if (at + 8 > end) throw new EndOfData();
  const { implicit, little } = layout;
  const tag = tagAt(bytes, at, little);
  const plain = () => element(tag, null, at + 8, bytes.number(at + 4, 4, little));
  if (isDelimiter(tag)) return plain();
  const vr = bytes.text(at + 4, at + 6);
  if (!implicit) {
    if (SHORT.has(vr)) {
      const length = bytes.number(at + 6, 2, little);
      const isSound = length || at + 14 > end || beginsElement(bytes, at + 8, little);
      return isSound ? element(tag, vr, at + 8, length) : plausible(bytes, at, end, layout);
    }
    if (LONG.has(vr) && bytes.startsWith("\0\0", at + 6)) return element(tag, vr, at + 12, bytes.number(at + 8, 4, little));
  } else if (!isVr(vr)) {
    return plain();
  }
  return plausible(bytes, at, end, layout);
}

/** Whether an element with a VR, an item or a delimiter begins at a position. */
function beginsElement(bytes, at, little) {
  return isVr(bytes.text(at + 4, at + 6)) || isDelimiter(tagAt(bytes, at, little));
}

/** The reading of an odd element after which another element follows, or the value ends the data. */
function plausible(bytes, at, end, layout) {
  const { implicit, little } = layout;
  const tag = tagAt(bytes, at, little);
  const name = bytes.text(at + 4, at + 6).toUpperCase();
  const vr = isVr(name) ? name : null;
  const short = element(tag, vr, at + 8, bytes.number(at + 6, 2, little));
  const long = element(tag, vr, at + 12, bytes.number(at + 8, 4, little));
  const plain = element(tag, null, at + 8, bytes.number(at + 4, 4, little));
  let readings = LONG.has(name) ? [long, short, plain] : [short, long, plain];
  if (!mayBeVr(name)) readings = [plain];
  else if (implicit) readings = [plain, ...readings.slice(0, 2)];
  for (const strict of [true, false]) {
    const reading = readings.find((one) => isFollowed(bytes, one, end, layout, strict));
    if (reading) return reading;
  }
  const fitting = readings.filter((reading) => reading.start + reading.length <= end);
  return fitting.reduce((best, reading) => (reading.length > best.length ? reading : best), fitting[0] ?? readings[0]);
}

/** Whether two bytes stand for a VR: text, or what writers put for none. */
function mayBeVr(name) {
  return name === "\0\0" || [...name].every((sign) => sign >= " " && sign < "\x7f");
}

/** Whether an element ends where its surroundings end, or where a later element begins. */
function isFollowed(bytes, { tag, start, length }, end, { implicit, little }, strict) {
  if (length === UNDEFINED) return [ITEM, SEQUENCE_END].includes(tagAt(bytes, start, little));
  const after = start + length;
  if (after === end) return true;
  if (after + 8 > end) return false;
  const following = tagAt(bytes, after, little);
  if (following <= tag) return false;
  if (strict && !implicit) return isVr(bytes.text(after + 4, after + 6)) || isDelimiter(following);
  return after + 8 + bytes.number(after + 4, 4, little) <= end;
}

/** The elements from `start` on, in the order of the file; sequences are not entered. */
export function* elements(bytes, start, end, layout) {
  let at = start;
  while (at < end) {
    const next = elementAt(bytes, at, end, layout);
    if (isDelimiter(next.tag)) {
      at = next.start; // a delimiter too many
      continue;
    }
    yield next;
    at = endOf(bytes, next, end, layout);
  }
}

/** Position behind an element; throws EndOfData if it lies beyond `end`. */
export function endOf(bytes, { start, length }, end, layout, nested = 0) {
  const after = length === UNDEFINED ? endOfSequence(bytes, start, end, layout, nested) : start + length;
  if (after > end) throw new EndOfData();
  return after;
}

/** The elements of a sequence's first item, and how they are written: [elements, layout]. */
export function firstItem(content, layout) {
  if (content.length < 8 || tagAt(content, 0, layout.little) !== ITEM) return [[], layout];
  const length = content.number(4, 4, layout.little);
  const inside = layoutInItem(content, 8, layout);
  const end = length === UNDEFINED ? endOfItem(content, 8, content.length, inside, 1) : Math.min(content.length, 8 + length);
  return [[...elements(content, 8, end, inside)], inside];
}

/** Items are written as the data set is, but some writers change to implicit VR in them. */
function layoutInItem(bytes, begin, layout) {
  if (isDelimiter(tagAt(bytes, begin, layout.little))) return layout;
  return { implicit: !isVr(bytes.text(begin + 4, begin + 6).toUpperCase()), little: layout.little };
}

function endOfSequence(bytes, start, end, layout, nested) {
  if (nested > MOST_NESTED) throw new EndOfData();
  let at = start;
  while (at < end) {
    const item = elementAt(bytes, at, end, layout);
    if (item.tag === SEQUENCE_END) return item.start;
    if (item.tag !== ITEM) return at; // its delimiter is missing
    at = item.start + item.length;
    if (item.length === UNDEFINED) at = endOfItem(bytes, item.start, end, layoutInItem(bytes, item.start, layout), nested + 1);
  }
  throw new EndOfData();
}

function endOfItem(bytes, start, end, layout, nested) {
  let at = start;
  while (at < end) {
    const next = elementAt(bytes, at, end, layout);
    if (isDelimiter(next.tag)) return next.tag === ITEM_END ? next.start : at;
    at = endOf(bytes, next, end, layout, nested);
  }
  throw new EndOfData();
}
