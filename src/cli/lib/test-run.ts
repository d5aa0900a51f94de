/** Follows one test canary from its sending until every leaf is settled or time is up. Says what happens as it happens. */
import type { z } from 'zod';
import type { PipelineConfig } from '../../config/config.ts';
import type { story } from '../../web/api/schemas.ts';
import { context } from './context.ts';
import { EXIT, type ExitCode } from './exit.ts';

export type Story = z.infer<typeof story>;
export type Hop = Story['hops'][number];

/** Who sends and looks. */
export interface TestSource {
  /** Who that is, for people. */
  readonly by: string;
  send(): Promise<Story>;
  /** How it stands now. */
  story(name: string): Promise<Story>;
  close(): Promise<void>;
}

export type TestEvent =
  | { readonly event: 'sending' }
  | { readonly event: 'sent'; readonly story: Story }
  | { readonly event: 'hop'; readonly hop: Hop; readonly story: Story }
  | { readonly event: 'end'; readonly result: TestResult; readonly story: Story | null };

export interface TestResult {
  readonly exit: ExitCode;
  readonly result: 'delivered' | 'lost' | 'refused' | 'unsettled' | 'unsent';
  /** In words, for those that aren't delivered. */
  readonly reason: string;
}

const POLL_MS = 250;
/** What is still missing is said again so often. */
const REMIND_MS = 10_000;

export async function followTest(options: {
  readonly source: TestSource;
  readonly pipeline: PipelineConfig;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly tell: (event: TestEvent) => Promise<void>;
}): Promise<TestResult> {
  const { source, pipeline, timeoutMs, signal, tell } = options;
  const { clock } = context;
  const endMono = clock.mono() + timeoutMs;
  await tell({ event: 'sending' });
  let story = await within(source.send(), endMono, signal);
  const done = async (result: TestResult) => {
    await tell({ event: 'end', result, story: story ?? null });
    return result;
  };
  if (!story) return await done(undecided(signal, 'the first hop has not answered'));
  await tell({ event: 'sent', story });
  const sent = sendingResult(story);
  if (sent) return await done(sent);
  const leaves = leavesOf(pipeline);
  const told = new Map<string, string>();
  const sentMono = clock.mono();
  for (;;) {
    const next: Story | undefined = await within(source.story(story.name), endMono + POLL_MS, signal);
    story = next ?? story;
    const elapsedMs = clock.mono() - sentMono;
    for (const hop of story.hops) {
      const key = keyOf(hop, elapsedMs);
      if (told.get(hop.checkpoint) === key) continue;
      told.set(hop.checkpoint, key);
      await tell({ event: 'hop', hop, story });
    }
    const ends = story.hops.filter(h => leaves.has(h.checkpoint));
    if (ends.length > 0 && ends.every(isSettled)) return await done(resultOf(ends));
    if (signal.aborted || clock.mono() >= endMono) return await done(unsettled(ends, signal));
    await clock.sleep(POLL_MS, signal).catch(() => {});
  }
}

/** Undefined: it didn't end in time, or we were interrupted. Nothing waits for it any more then. */
async function within<T>(work: Promise<T>, endMono: number, signal: AbortSignal): Promise<T | undefined> {
  const stop = new AbortController();
  const late = context.clock
    .sleep(Math.max(0, endMono - context.clock.mono()), AbortSignal.any([stop.signal, signal]))
    .then(
      () => undefined,
      () => undefined,
    );
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    stop.abort();
  }
}

/** Checkpoints that none comes after. */
export const leavesOf = ({ checkpoints }: PipelineConfig): ReadonlySet<string> =>
  new Set(checkpoints.filter(c => !checkpoints.some(o => o.after === c.name)).map(c => c.name));

const keyOf = (hop: Hop, elapsedMs: number): string =>
  hop.seen_at !== null
    ? `seen ${hop.verdict} ${hop.integrity}`
    : `${hop.verdict} ${hop.sight?.state} ${Math.floor(elapsedMs / REMIND_MS)}`;

const isSettled = (hop: Hop): boolean =>
  hop.seen_at !== null || ['lost', 'missed_here', 'unproven'].includes(hop.verdict);

function sendingResult(story: Story): TestResult | undefined {
  const why = story.reason === null ? '' : `: ${story.reason}`;
  if (story.sending === 'refused')
    return { exit: EXIT.bad, result: 'refused', reason: `the first hop refused it${why}` };
  if (story.sending === 'unsent')
    return { exit: EXIT.unknown, result: 'unsent', reason: `it never left this machine${why}` };
  return undefined;
}

function resultOf(ends: readonly Hop[]): TestResult {
  const lost = ends.filter(h => h.verdict === 'lost').map(h => h.checkpoint);
  if (lost.length > 0) return { exit: EXIT.bad, result: 'lost', reason: `lost before ${lost.join(' and ')}` };
  const unproven = ends.filter(h => h.seen_at === null).map(h => h.checkpoint);
  if (unproven.length > 0)
    return {
      exit: EXIT.unknown,
      result: 'unsettled',
      reason: `nothing can be proven at ${unproven.join(' and ')}`,
    };
  return { exit: EXIT.good, result: 'delivered', reason: '' };
}

function unsettled(ends: readonly Hop[], signal: AbortSignal): TestResult {
  const open = ends.filter(h => !isSettled(h)).map(h => h.checkpoint);
  const settled = resultOf(ends.filter(isSettled));
  const told = undecided(signal, `not seen yet at ${open.join(' and ')}`);
  return settled.result === 'lost' ? { ...settled, reason: `${settled.reason}; ${told.reason}` } : told;
}

const undecided = (signal: AbortSignal, what: string): TestResult => ({
  exit: EXIT.unknown,
  result: 'unsettled',
  reason: signal.aborted ? 'interrupted' : `${what} when time was up`,
});
