// A worker, for tests, whose function `wait` never returns.
import { answerCalls } from "./worker-calls.js";

answerCalls({
  async setup() {
    return { result: true };
  },
  async wait() {
    for (;;);
  },
  async send({ address }) {
    return { result: await fetch(address, { mode: "no-cors" }).then(() => "sent", () => "refused") };
  },
  async double({ value }) {
    return { result: 2 * value };
  },
});
