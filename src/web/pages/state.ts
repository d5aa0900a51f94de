/** A pipeline's state in words, first of all: what, since when, between where. */

import type { Bucket } from '../../domain/verdict.ts';
import type { Bar, CheckpointView, PipelineState, PipelineView } from '../../engine/overview.ts';
import { totalOf } from './charts/columns.ts';
import { ago, when } from './when.ts';

export const STATE_WORDS: Readonly<Record<PipelineState, string>> = {
  healthy: 'Healthy',
  late: 'Late',
  losing: 'Losing',
  blind: 'Blind',
  not_yet_proven: 'Not yet proven',
  silent: 'Our emitter is silent',
};

/** Worst first: what a person should read first. */
export const STATE_ORDER: readonly PipelineState[] = [
  'losing',
  'silent',
  'blind',
  'late',
  'not_yet_proven',
  'healthy',
];

/** `between archive and loki`; straight after injection: `between source and archive`. */
const where = (c: CheckpointView): string => `between ${c.after ?? 'source'} and ${c.name}`;

/** A stretch of trouble, as the bars show it. */
export interface Episode {
  readonly fromMs: number;
  readonly toMs: number;
  /** It may have begun before the window did. */
  readonly isFromStart: boolean;
  /** Canaries sent after it have fared well. */
  readonly isOver: boolean;
}

const UNDECIDED: readonly Bucket[] = ['pending', 'overdue', 'unproven', 'maybe_sent', 'unsent'];

const has = (bar: Bar, buckets: readonly Bucket[]): boolean => buckets.some(b => (bar.counts[b] ?? 0) > 0);

/** The newest episode with any of `buckets`: bars less than a tenth of the window apart. */
export function episode(bars: readonly Bar[], buckets: readonly Bucket[]): Episode | null {
  const calmBars = Math.max(2, Math.ceil(bars.length / 10));
  let start = -1;
  let end = -1;
  for (const [i, bar] of bars.entries()) {
    if (!has(bar, buckets)) continue;
    if (start < 0 || i - end > calmBars) start = i;
    end = i;
  }
  const first = bars[start];
  const last = bars[end];
  if (!first || !last) return null;
  const well = bars.slice(end + 1).filter(b => totalOf(b.counts) > 0 && !has(b, UNDECIDED));
  return { fromMs: first.fromMs, toMs: last.toMs, isFromStart: start === 0, isOver: well.length >= 2 };
}

/** `Losing since 11:41`; `Lost from 11:41 to 11:52` where what was sent later arrived. */
function troubleWords(
  words: readonly [now: string, then: string],
  found: Episode | null,
  nowMs: number,
): string {
  if (!found) return words[0];
  const from = `${found.isFromStart ? 'before ' : ''}${when(found.fromMs, nowMs)}`;
  return found.isOver
    ? `${words[1]} from ${from} to ${when(found.toMs, nowMs)}`
    : `${words[0]} since ${from}`;
}

/** One checkpoint's state: `Losing since 11:41`, `Blind since 11:43`. */
export function checkpointState(c: CheckpointView, nowMs: number): string {
  const word = STATE_WORDS[c.state];
  if (c.state === 'losing') return troubleWords([word, 'Lost'], episode(c.bars, ['lost', 'refused']), nowMs);
  if (c.state === 'late')
    return troubleWords([word, word], episode(c.bars, ['late', 'overdue', 'recovered', 'lost']), nowMs);
  if (c.sight.state === 'blind') return `${word} since ${when(c.sight.sinceMs, nowMs)}`;
  return word;
}

/** The pipeline's state in one phrase: `Losing since 11:41, between archive and loki`. */
export function headline(p: PipelineView, nowMs: number): string {
  if (p.state === 'silent')
    return p.lastBeatMs === null
      ? 'Our own emitter is silent: it never sent'
      : `Our own emitter is silent: last beat ${ago(p.lastBeatMs, nowMs)}`;
  const culprits = p.checkpoints.filter(c => c.state === p.state);
  const first = culprits[0];
  if (!first || p.state === 'healthy') return STATE_WORDS[p.state];
  const state = checkpointState(first, nowMs);
  const more = culprits.length > 1 ? `, and at ${culprits.length - 1} more` : '';
  if (p.state === 'losing' || p.state === 'late') return `${state}, ${where(first)}${more}`;
  return `${state}, at ${first.name}${more}`;
}

/** `1 losing, 2 blind, 3 healthy`. */
export function tally(pipelines: readonly PipelineView[]): string {
  return STATE_ORDER.map(s => [s, pipelines.filter(p => p.state === s).length] as const)
    .filter(([, n]) => n > 0)
    .map(([s, n]) => `${n} ${s === 'silent' ? 'silent' : STATE_WORDS[s].toLowerCase()}`)
    .join(', ');
}
