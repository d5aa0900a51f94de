/**
 * When canaries are due: a pure function of the schedule and the time asked about. Replicas agree without talking,
 * a restart changes nothing, and there is no counter to keep.
 */
import { createHmac } from 'node:crypto';
import { Cron } from 'croner';

/** Slots start at multiples of `everyMs` from the Unix epoch, or where a six-field cron expression fires. */
export type Timing =
  | { readonly kind: 'every'; readonly everyMs: number }
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone: string };

/**
 * Where in its slot a beat falls (RFC 2330 §11.1).
 * - `uniform`: one beat a slot, anywhere in it; the gap between two is less than two slots.
 * - `poisson`: arrivals of a Poisson process, one a slot on average: none in some slots, several in others.
 * - `fixed`: one beat, at the slot's start.
 */
export type Sampling = 'uniform' | 'poisson' | 'fixed';

export interface Schedule {
  readonly timing: Timing;
  readonly sampling: Sampling;
  /** The key of the jitter, kept in the store. Who doesn't know it can't foretell a beat. */
  readonly seed: string;
}

export interface Beat {
  /** The name of the beat, unique in its schedule: the slot's start; under `poisson`, `dueMs`. Unix milliseconds. */
  readonly slotMs: number;
  /** When its canaries are to be sent, Unix milliseconds. */
  readonly dueMs: number;
}

/** A Poisson(1) count is above this once in 890,000 slots, and then this many beats are sent. */
const ARRIVALS_MAX = 8;
/** Empty slots in a row before we call it a bug: a fair draw does this with probability e⁻¹⁰⁰⁰. */
const EMPTY_SLOTS_MAX = 1000;

/**
 * All beats due in [fromMs, toMs), ascending. Splitting a window gives the same beats. `cut` says that there are more
 * than `limit`: go on from the last `dueMs` + 1, since no two beats are due at the same millisecond.
 * @throws RangeError for a schedule that can't be kept, such as a cron expression that never fires.
 */
export function beats(
  schedule: Schedule,
  window: { readonly fromMs: number; readonly toMs: number; readonly limit: number },
): { readonly beats: Beat[]; readonly cut: boolean } {
  const found: Beat[] = [];
  if (!(window.fromMs < window.toMs)) return { beats: found, cut: false };
  for (const beat of beatsFrom(schedule, window.fromMs)) {
    if (beat.dueMs >= window.toMs) break;
    if (found.length >= window.limit) return { beats: found, cut: true };
    found.push(beat);
  }
  return { beats: found, cut: false };
}

/**
 * The first beat due after `afterMs`.
 * @throws RangeError as `beats` does.
 */
export function nextBeat(schedule: Schedule, afterMs: number): Beat {
  return beatsFrom(schedule, Math.floor(afterMs) + 1).next().value;
}

interface Slot {
  readonly startMs: number;
  readonly endMs: number;
}

/** Without end. Slots don't overlap and a beat stays in its slot, so the order holds across slots. */
function* beatsFrom(schedule: Schedule, fromMs: number): Generator<Beat, never> {
  const slots =
    schedule.timing.kind === 'every'
      ? everySlots(schedule.timing, fromMs)
      : cronSlots(schedule.timing, fromMs);
  let empty = 0;
  for (;;) {
    const inSlot = beatsOf(schedule, slots.next().value);
    empty = inSlot.length > 0 ? 0 : empty + 1;
    if (empty > EMPTY_SLOTS_MAX) throw new Error(`no beat in ${EMPTY_SLOTS_MAX} slots: the jitter is broken`);
    for (const beat of inSlot) if (beat.dueMs >= fromMs) yield beat;
  }
}

function beatsOf({ sampling, seed }: Schedule, slot: Slot): Beat[] {
  if (sampling === 'fixed') return [{ slotMs: slot.startMs, dueMs: slot.startMs }];
  if (sampling === 'uniform') return [{ slotMs: slot.startMs, dueMs: somewhereIn(slot, seed, 'beat') }];
  const count = Math.min(arrivals(uniform(seed, slot.startMs, 'count')), slot.endMs - slot.startMs);
  const due = Array.from({ length: count }, (_, i) => somewhereIn(slot, seed, `arrival ${i}`)).sort(
    (a, b) => a - b,
  );
  // Ties move on by 1 ms; then those that were pushed over the slot's end move back before it.
  for (let i = 1; i < count; i++) due[i] = Math.max(due[i]!, due[i - 1]! + 1);
  return due.map((ms, i) => Math.min(ms, slot.endMs - count + i)).map(ms => ({ slotMs: ms, dueMs: ms }));
}

const somewhereIn = ({ startMs, endMs }: Slot, seed: string, draw: string): number =>
  startMs + Math.floor(uniform(seed, startMs, draw) * (endMs - startMs));

/** In [0, 1), from the first 48 bits of a keyed hash. */
const uniform = (seed: string, slotMs: number, draw: string): number =>
  createHmac('sha256', seed).update(`${slotMs} ${draw}`).digest().readUIntBE(0, 6) / 2 ** 48;

/** Inverts the distribution function of Poisson(1). */
function arrivals(u: number): number {
  let probability = Math.exp(-1);
  let cumulative = probability;
  let count = 0;
  while (u >= cumulative && count < ARRIVALS_MAX) {
    count++;
    probability /= count;
    cumulative += probability;
  }
  return count;
}

function* everySlots({ everyMs }: { readonly everyMs: number }, fromMs: number): Generator<Slot, never> {
  if (!Number.isSafeInteger(everyMs) || everyMs < 1) {
    throw new RangeError(`expected every: as a whole number of milliseconds, at least 1; found ${everyMs}`);
  }
  for (let index = Math.floor(fromMs / everyMs); ; index++) {
    yield { startMs: index * everyMs, endMs: (index + 1) * everyMs };
  }
}

/**
 * Summer time as croner keeps it: an expression with one time of day runs once a day, after the gap where its time is
 * skipped; any other runs on both passes of a repeated hour and not in a skipped one.
 */
function* cronSlots(
  timing: { readonly expression: string; readonly timezone: string },
  fromMs: number,
): Generator<Slot, never> {
  const cron = new Cron(timing.expression, { timezone: timing.timezone, mode: '6-part', paused: true });
  const from = new Date(fromMs);
  let start = cron.previousRuns(1, from)[0] ?? cron.nextRun(from);
  for (;;) {
    const end = start && cron.nextRun(start);
    if (!start || !end) {
      throw new RangeError(
        `cron "${timing.expression}" (${timing.timezone}) never fires: give an expression that does`,
      );
    }
    yield { startMs: start.getTime(), endMs: end.getTime() };
    start = end;
  }
}
