/**
 * Reordering as RFC 4737 has it: a canary is reordered if it arrives after one of the same target that was sent later. Arrivals
 * are intervals, so only those count of which it is certain. Pure.
 */

/** The first arrival of a canary. All times of one clock within `fromMs` and `toMs`, milliseconds. */
export interface Arrival {
  readonly target: number;
  /** First and last attempt. */
  readonly sentFromMs: number;
  readonly sentToMs: number;
  /** It wasn't there before this; null: not known. */
  readonly fromMs: number | null;
  /** It was there by this. */
  readonly toMs: number;
}

export interface Reordered {
  readonly arrival: Arrival;
  /** By at least so much after the first that overtook it: RFC 4737's late time offset. */
  readonly lateMs: number;
}

/** Which of these are certainly reordered, among themselves and those that were there. */
export function reorderedOf(news: readonly Arrival[], known: readonly Arrival[]): Reordered[] {
  const byTarget = new Map<number, Arrival[]>();
  for (const a of [...news, ...known]) {
    const list = byTarget.get(a.target) ?? [];
    if (list.length === 0) byTarget.set(a.target, list);
    list.push(a);
  }
  const overtakers = new Map([...byTarget].map(([target, list]) => [target, earliestAfter(list)]));
  return news.flatMap(arrival => {
    const first = overtakers.get(arrival.target)?.(arrival.sentToMs) ?? Number.POSITIVE_INFINITY;
    return arrival.fromMs !== null && first < arrival.fromMs
      ? [{ arrival, lateMs: arrival.fromMs - first }]
      : [];
  });
}

/** By when the first was there of those that were sent after a time. */
function earliestAfter(list: readonly Arrival[]): (sentMs: number) => number {
  const sorted = list.toSorted((a, b) => a.sentFromMs - b.sentFromMs);
  const earliest = new Array<number>(sorted.length + 1).fill(Number.POSITIVE_INFINITY);
  for (let i = sorted.length - 1; i >= 0; i--)
    earliest[i] = Math.min(earliest[i + 1] as number, (sorted[i] as Arrival).toMs);
  return sentMs => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] as Arrival).sentFromMs > sentMs) high = middle;
      else low = middle + 1;
    }
    return earliest[low] as number;
  };
}
