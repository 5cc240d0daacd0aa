// Runs functions of the page's agreement.js and csv.js: [[name, ...arguments], ...] in, their results out.

import * as agreement from "./agreement.js";
import * as csv from "./csv.js";

const plain = (value) => (value instanceof Map ? Object.fromEntries(value) : value);
const calls = JSON.parse(process.argv[1]);
process.stdout.write(JSON.stringify(calls.map(([name, ...given]) => plain({ ...agreement, ...csv }[name](...given)))));
