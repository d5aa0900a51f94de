/** The canaries of a scenario: when the schedule sends them, through which agents they go, and what becomes of each. */
import { beats, type Sampling } from '../domain/schedule.ts';
import { below, type Random, randomOf } from './random.ts';
import type { Row } from './scenario-ledger.ts';
import type { ScenarioPath } from './scenario-path.ts';

export interface Sending {
  readonly path: ScenarioPath;
  readonly seed: number;
  /** Key of the schedule's jitter; of the seed where none is given. */
  readonly scheduleSeed?: string | undefined;
  readonly everyMs: number;
  readonly sampling: Sampling;
  readonly startMs: number;
  readonly endMs: number;
  /** Canaries of a beat: one for each of the first so many agents, or one alone through whichever agent it meets. */
  readonly canaries: { readonly pinned: number } | 'unpinned';
  readonly noise: { readonly late: number; readonly lost: number };
  readonly onTimeWithinMs: number;
}

/** What is late by chance is late by a few minutes. */
const NOISE_DELAY_MS = 5 * 60_000;
/** Beats are drawn in pieces: a year of them is half a million. */
const PIECE = 10_000;

/** All beats of the span, by slot. */
export function* rowsOf(sending: Sending): Generator<Row> {
  const schedule = {
    timing: { kind: 'every' as const, everyMs: sending.everyMs },
    sampling: sending.sampling,
    seed: sending.scheduleSeed ?? `scenario ${sending.seed}`,
  };
  const random = randomOf(sending.seed, 'canaries');
  const noise = noiseOf(sending, random);
  for (let fromMs = sending.startMs; ; ) {
    const piece = beats(schedule, { fromMs, toMs: sending.endMs, limit: PIECE });
    for (const beat of piece.beats) yield rowOf(beat, sending, noise, random);
    if (!piece.cut) return;
    fromMs = piece.beats.at(-1)!.dueMs + 1;
  }
}

/** Which canary of all is the next that chance is against, drawn by skipping those that it isn't. */
interface Noise {
  skip: number;
  draw(): number;
  delayMs(): number;
}

function noiseOf({ noise: { late, lost } }: Sending, random: Random): Noise {
  const share = late + lost;
  const logKept = Math.log1p(-share);
  const draw = (): number =>
    share > 0 ? Math.floor(Math.log1p(-random()) / logKept) : Number.POSITIVE_INFINITY;
  const delayMs = (): number =>
    random() * share < lost ? Number.POSITIVE_INFINITY : -Math.log1p(-random()) * NOISE_DELAY_MS;
  return { skip: draw(), draw, delayMs };
}

function rowOf(beat: Pick<Row, 'slotMs' | 'dueMs'>, sending: Sending, noise: Noise, random: Random): Row {
  const { path, canaries, onTimeWithinMs } = sending;
  const { dueMs } = beat;
  const pinned = canaries === 'unpinned' ? 0 : canaries.pinned;
  const n = Math.max(1, pinned);
  const met = pinned === 0 ? below(random, path.agents) : 0;
  const off = new Map<number, { readonly agent: number; readonly visibleMs: number }>();
  for (const { agent, visibleMs } of path.at(dueMs)) {
    if (pinned === 0 ? agent !== met : agent >= pinned) continue;
    const atMs = visibleMs(dueMs) + path.latencyMs;
    if (atMs > dueMs + onTimeWithinMs) off.set(pinned === 0 ? 1 : agent + 1, { agent, visibleMs: atMs });
  }
  for (; noise.skip < n; noise.skip += 1 + noise.draw()) {
    const target = noise.skip + 1;
    const visibleMs = dueMs + onTimeWithinMs + 1 + Math.round(noise.delayMs());
    if (!off.has(target)) off.set(target, { agent: pinned === 0 ? met : noise.skip, visibleMs });
  }
  noise.skip -= n;
  return newRow(beat, n, off);
}

/** Most beats have none that is out of the ordinary. */
const NONE = {
  targets: new Int32Array(0),
  agents: new Int32Array(0),
  visibleMs: new Float64Array(0),
  verdicts: new Uint8Array(0),
  seenMs: new Float64Array(0),
  afterMs: new Float64Array(0),
  flags: new Uint8Array(0),
};

function newRow(
  beat: Pick<Row, 'slotMs' | 'dueMs'>,
  n: number,
  off: ReadonlyMap<number, { readonly agent: number; readonly visibleMs: number }>,
): Row {
  if (off.size === 0) return { ...beat, ordinary: n, ...NONE, ordinaryVerdict: 0, nextDueMs: beat.dueMs + 1 };
  const entries = off.size > 1 ? [...off].sort((a, b) => a[0] - b[0]) : [...off];
  return {
    ...beat,
    ordinary: n - entries.length,
    targets: Int32Array.from(entries, e => e[0]),
    agents: Int32Array.from(entries, e => e[1].agent),
    visibleMs: Float64Array.from(entries, e => Math.round(e[1].visibleMs)),
    verdicts: new Uint8Array(entries.length),
    seenMs: new Float64Array(entries.length).fill(Number.NaN),
    afterMs: new Float64Array(entries.length).fill(Number.NaN),
    flags: new Uint8Array(entries.length),
    ordinaryVerdict: 0,
    nextDueMs: beat.dueMs + 1,
  };
}
