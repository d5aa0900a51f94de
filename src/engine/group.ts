/**
 * Does alike things together: what comes while a batch gathers, or is under way, goes with the next. A hundred commits in
 * one statement cost the store little more than one.
 */

export interface Group<T, R> {
  /** Resolves or rejects with what became of this one. */
  add(item: T): Promise<R>;
}

export interface GroupWork<T, R> {
  /** All in one go, each with its own end, in their order. When it throws, nothing of it has happened. */
  readonly together: (items: readonly T[]) => Promise<readonly PromiseSettledResult<R>[]>;
  /** What fails together is done one by one, beside the batches that follow: what spoils one must not hold up the others. */
  readonly alone: (item: T) => Promise<R>;
  /** Is told why a batch failed. */
  readonly onFailure: (error: unknown) => void;
  /** How long a batch gathers that isn't full yet. */
  readonly gather: () => Promise<void>;
  /** What one adds to a batch, and how much that may come to; a single one may be larger. */
  readonly sizeOf: (item: T) => number;
  readonly max: number;
}

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (value: R) => void;
  readonly reject: (reason: unknown) => void;
}

export function createGroup<T, R>(group: GroupWork<T, R>): Group<T, R> {
  const { together, alone, onFailure, gather, sizeOf, max } = group;
  let queue: Waiting<T, R>[] = [];
  let isWorking = false;

  /** How many from the front of the queue fit into one batch. */
  function fitting(): number {
    let size = 0;
    for (const [i, w] of queue.entries()) {
      size += sizeOf(w.item);
      if (size > max) return Math.max(1, i);
    }
    return queue.length;
  }

  async function end(batch: readonly Waiting<T, R>[]): Promise<void> {
    const ends = await together(batch.map(w => w.item)).catch(error => {
      onFailure(error);
      return null;
    });
    if (ends === null) {
      // Nobody waits for those that are tried alone, perhaps for minutes, but who brought them.
      for (const w of batch) void alone(w.item).then(w.resolve, w.reject);
      return;
    }
    for (const [i, w] of batch.entries()) {
      const ended = ends[i];
      if (ended?.status === 'fulfilled') w.resolve(ended.value);
      else w.reject(ended?.reason ?? new Error('left out of its batch'));
    }
  }
  async function work(): Promise<void> {
    isWorking = true;
    while (queue.length > 0) {
      if (fitting() === queue.length) await gather();
      const count = fitting();
      const batch = queue.slice(0, count);
      queue = queue.slice(count);
      await end(batch);
    }
    isWorking = false;
  }
  return {
    add: item =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        if (!isWorking) void work();
      }),
  };
}
