/** A pipeline's state in words, first of all: what, since when, between where. */

import type { Bucket } from '../../domain/verdict.ts';
import type { Bar, CheckpointView, PipelineState, PipelineView } from '../../engine/overview.ts';
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

/**
 * When the trouble that goes on now began, as the bars show it: the first bar with one of `buckets` after the last calm
 * stretch of a tenth of the window. `before` when that is the very first bar.
 */
export function since(
  bars: readonly Bar[],
  buckets: readonly Bucket[],
): { readonly ms: number; readonly before: boolean } | null {
  const calmBars = Math.max(2, Math.ceil(bars.length / 10));
  let start = -1;
  let calm = calmBars;
  for (const [i, bar] of bars.entries()) {
    if (buckets.some(b => (bar.counts[b] ?? 0) > 0)) {
      if (calm >= calmBars) start = i;
      calm = 0;
    } else calm++;
  }
  const first = bars[start];
  return first ? { ms: first.fromMs, before: start === 0 } : null;
}

const sinceWords = (c: CheckpointView, buckets: readonly Bucket[], nowMs: number): string => {
  const found = since(c.bars, buckets);
  if (!found) return '';
  return found.before ? ` since before ${when(found.ms, nowMs)}` : ` since ${when(found.ms, nowMs)}`;
};

/** One checkpoint's state: `Losing since 11:41`, `Blind since 11:43`. */
export function checkpointState(c: CheckpointView, nowMs: number): string {
  const word = STATE_WORDS[c.state];
  if (c.state === 'losing') return `${word}${sinceWords(c, ['lost', 'refused'], nowMs)}`;
  if (c.state === 'late') return `${word}${sinceWords(c, ['late', 'overdue', 'lost'], nowMs)}`;
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
