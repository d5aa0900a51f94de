// The calls of one injector that are under way: each stops with its caller's signal, all stop when it closes.

export interface Calls {
  /** Runs `work` with a signal of its own. After `stop` the signal has aborted from the beginning. */
  run<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  stop(): void;
}

export const createCalls = (): Calls => {
  const open = new Set<AbortController>();
  let stopped = false;
  return {
    async run(signal, work) {
      const call = new AbortController();
      const relay = () => call.abort(signal.reason);
      if (stopped || signal.aborted) relay();
      signal.addEventListener('abort', relay, { once: true });
      open.add(call);
      try {
        return await work(call.signal);
      } finally {
        signal.removeEventListener('abort', relay);
        open.delete(call);
      }
    },
    stop() {
      stopped = true;
      for (const call of open) call.abort();
    },
  };
};
