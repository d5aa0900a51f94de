/** A pipeline's state as text for a terminal. */
import type { z } from 'zod';
import { formatDuration } from '../../domain/words.ts';
import type { pipeline } from '../../web/api/schemas.ts';
import { type Colour, columns, paint, printable } from './output.ts';

/** A pipeline as the API tells it. */
export type PipelineStatus = z.infer<typeof pipeline>;

type Checkpoint = PipelineStatus['checkpoints'][number];
type Share = { readonly n: number; readonly delivered: number; readonly share: number | null };
type Quantile = Checkpoint['delays']['p50'];

const COLOURS: Readonly<Record<PipelineStatus['state'], Colour>> = {
  healthy: 'green',
  late: 'yellow',
  losing: 'red',
  blind: 'yellow',
  not_yet_proven: 'cyan',
  silent: 'yellow',
};

const stateWord = (state: PipelineStatus['state']): string =>
  paint(COLOURS[state], state.replaceAll('_', ' '));

export function pipelineText(p: PipelineStatus): string {
  const targets = `${p.targets.n} ${p.targets.n === 1 ? 'target' : 'targets'}${p.targets.quiet > 0 ? ` (${p.targets.quiet} quiet)` : ''}`;
  const beat = p.last_beat_ms === null ? 'no beat yet' : `last beat ${ago(p.last_beat_ms, p.as_of_ms)}`;
  return [
    `${paint('bold', p.name)}: ${stateWord(p.state)}${p.title === p.name ? '' : `  (${printable(p.title)})`}`,
    `  ${printable(p.state_reason)}`,
    columns([HEAD, ...p.checkpoints.map(c => row(c, p.as_of_ms))], '  '),
    ...reasons(p),
    `  ${targets}, ${p.every}, ${beat}; drill ${p.drill.state}; since ${time(p.from_ms)}`,
  ].join('\n');
}

const HEAD = ['checkpoint', 'state', 'accepted', 'scheduled', 'worst case', 'p50', 'p95', 'p99', 'as of'].map(
  h => paint('dim', h),
);

function row(c: Checkpoint, nowMs: number): string[] {
  const { accepted, scheduled, worst } = c.completeness;
  const bound = accepted.n === 0 ? '' : ` (≥ ${percent(floored(accepted.at_least, accepted.n), accepted.n)})`;
  return [
    c.name,
    stateWord(c.state),
    `${shareText(accepted)}${bound}`,
    shareText(scheduled),
    shareText(worst),
    quantile(c.delays.p50),
    quantile(c.delays.p95),
    quantile(c.delays.p99),
    c.watermark_ms === null ? 'never' : ago(c.watermark_ms, nowMs),
  ];
}

/** Of checkpoints that aren't well, where the pipeline's own reason doesn't say it. */
const reasons = (p: PipelineStatus): string[] =>
  p.checkpoints
    .filter(c => c.state !== 'healthy' && !p.state_reason.includes(c.state_reason))
    .map(c => `  ${c.name}: ${printable(c.state_reason)}`);

const shareText = ({ n, delivered, share }: Share): string =>
  share === null ? '-' : `${percent(share, n)} (${delivered}/${n})`;

/** Fine enough to show one canary in n: a loss never rounds to 100%. */
const digitsOf = (n: number): number => Math.max(0, Math.ceil(Math.log10(Math.max(1, n))) - 2);
const percent = (share: number, n: number): string => `${(share * 100).toFixed(digitsOf(n))}%`;
/** A bound is rounded towards what it promises. */
const floored = (share: number, n: number): number => {
  const step = 10 ** (digitsOf(n) + 2);
  return Math.floor(share * step) / step;
};

function quantile(q: Quantile): string {
  if (q === null) return '-';
  return q.ms === null ? `> ${formatDuration(q.above_ms ?? 0)}` : formatDuration(q.ms);
}

const ago = (ms: number, nowMs: number): string => `${formatDuration(Math.max(0, nowMs - ms))} ago`;
const time = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
