// Calls of a worker's functions, each with a deadline: a worker that takes too long is ended, and the next
// call starts another one. While a worker receives a file, the deadlines begin anew: on a slow network a download may
// take longer than any of them.

/** A call that took longer than its deadline, or whose worker died. */
export class WorkerEnded extends Error {}

/** One worker, started when it is first called. Calls wait for one another, so that none uses another's time. */
export class CalledWorker {
  #worker = null;
  #setUp = null; // promise of the running worker's `setup`
  #last = Promise.resolve();
  #open = new Map(); // {resolve, reject, deadlineMs, timer} of the calls that are not answered yet, by id
  #calls = 0;

  /**
   * @param {URL} address  Of the worker's module.
   * @param {object} setup  What its function `setup` gets before anything else.
   * @param {number} setupMs  Deadline of that.
   */
  constructor(address, setup, setupMs) {
    // A worker of an address has the policy of its own response, which servers of plain files do not send: code in
    // it could send films elsewhere. A worker of a blob has the policy of the page.
    const source = new Blob([`import ${JSON.stringify(String(address))};`], { type: "text/javascript" });
    Object.assign(this, { source: URL.createObjectURL(source), setup, setupMs });
  }

  /** Starts the worker before it is needed. */
  start() {
    if (!this.#worker) this.#start();
  }

  /** Calls a function of the worker; rejects with what it throws, or WorkerEnded. `waits`: for earlier calls. */
  call(name, values, { deadlineMs, signal = null, waits = true }) {
    const run = async () => {
      signal?.throwIfAborted();
      this.start();
      await this.#setUp;
      return this.#send(name, values, deadlineMs);
    };
    if (!waits) return run();
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }

  #start() {
    const worker = new Worker(this.source, { type: "module" });
    this.#worker = worker;
    worker.onmessage = ({ data: { id, result, error, receiving } }) => {
      if (receiving) this.#open.forEach((call) => this.#startTimer(call));
      const call = this.#open.get(id);
      if (!call) return;
      clearTimeout(call.timer);
      this.#open.delete(id);
      if (error) call.reject(Object.assign(new Error(error.message), error));
      else call.resolve(result);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new WorkerEnded(event.message ?? ""));
    };
    this.#setUp = this.#send("setup", this.setup, this.setupMs);
    // A worker that cannot be set up is tried again by the next call.
    this.#setUp.catch((error) => this.#worker === worker && this.#end(error));
  }

  #send(name, values, deadlineMs) {
    const id = (this.#calls += 1);
    return new Promise((resolve, reject) => {
      const call = { resolve, reject, deadlineMs, timer: null };
      this.#startTimer(call);
      this.#open.set(id, call);
      this.#worker.postMessage({ id, name, values });
    });
  }

  #startTimer(call) {
    clearTimeout(call.timer);
    call.timer = setTimeout(() => this.#end(new WorkerEnded("deadline")), call.deadlineMs);
  }

  /** Ends the worker; all calls that it has not answered fail. */
  #end(error) {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject, timer } of this.#open.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#open.clear();
  }
}

/** In a worker: answers calls by these functions; each returns {result, transfer} or a result. */
export function answerCalls(functions) {
  self.onmessage = async ({ data: { id, name, values } }) => {
    try {
      const { result, transfer = [] } = await functions[name](values);
      self.postMessage({ id, result }, transfer);
    } catch (error) {
      self.postMessage({ id, error: { code: error.code ?? null, values: error.values ?? {}, message: String(error.message ?? error) } });
    }
  };
}

/** In a worker: tells the page that a part of a file arrived. */
export const tellReceiving = () => self.postMessage({ receiving: true });
