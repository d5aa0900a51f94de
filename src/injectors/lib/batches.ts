// Many canaries in bounded portions, and a bounded number of portions at once.

/** Splits `items`, in order, so that no portion exceeds `countMax` items or (unless alone) `bytesMax`. */
export const portions = <T>(
  items: readonly T[],
  limits: { readonly countMax: number; readonly bytesMax: number },
  bytesOf: (item: T) => number,
): T[][] => {
  const out: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    const last = out.at(-1);
    if (last === undefined || last.length >= limits.countMax || bytes + size > limits.bytesMax) {
      out.push([item]);
      bytes = size;
    } else {
      last.push(item);
      bytes += size;
    }
  }
  return out;
};

export interface Lanes {
  /**
   * Runs `work` on each item; results in the order of `items`. Once `signal` aborts nothing waits for its turn:
   * `work` is to see the signal and end.
   */
  map<T, R>(items: readonly T[], signal: AbortSignal, work: (item: T) => Promise<R>): Promise<R[]>;
}

/** At most `atOnce` pieces of work under way, over all calls. */
export const createLanes = (atOnce: number): Lanes => {
  let free = atOnce;
  const waiting = new Set<() => void>();

  const leave = () => {
    const [next] = waiting;
    if (next === undefined) free++;
    else next();
  };
  /** True when a lane was taken, false when `gaveUp` came first. */
  const enter = (gaveUp: Promise<void>): Promise<boolean> => {
    if (free > 0) {
      free--;
      return Promise.resolve(true);
    }
    return new Promise(resolve => {
      const take = () => {
        waiting.delete(take);
        resolve(true);
      };
      waiting.add(take);
      gaveUp.then(() => {
        if (waiting.delete(take)) resolve(false);
      });
    });
  };

  return {
    async map(items, signal, work) {
      const gaveUp = new Promise<void>(resolve => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
      const results = new Array(items.length);
      let next = 0;
      const lane = async () => {
        while (next < items.length) {
          const i = next++;
          const entered = await enter(gaveUp);
          try {
            results[i] = await work(items[i]!);
          } finally {
            if (entered) leave();
          }
        }
      };
      await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
      return results;
    },
  };
};

/** Runs one call after the other, in the order of calling. */
export const oneByOne = () => {
  let tail: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };
};
