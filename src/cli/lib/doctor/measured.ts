/** From the delays of a day or more: which deadlines and looks would fit, beside those that are set. */
import type { CheckpointConfig, Config } from '../../../config/config.ts';
import { newWatch, type Watch } from '../../../domain/watermark.ts';
import { formatDuration, formatPercent, printDuration } from '../../../domain/words.ts';
import { type Place, readAccounts } from '../../../engine/accounts.ts';
import { windowOf } from '../../../engine/window.ts';
import type { Sql } from '../../../store/open.ts';
import { readFindings, snapshot } from '../../../store/read.ts';
import { readWatches } from '../../../store/register.ts';
import { context } from '../context.ts';
import { readEngine } from '../read-engine.ts';
import { type Finding, hint, ok } from './finding.ts';
import { DAY_HOURS, type Fits, type Measured, niceAbove, type Proposal, propose } from './proposal.ts';

const HOUR_MS = 3_600_000;
const REACH_MS = 30 * DAY_HOURS * HOUR_MS;
const FINDINGS_MAX = 1_000;
/** A deadline this many times longer than it need be is told of. */
const SLACK = 5;
/** Proposals look at the slowest in a thousand, or at fewer where the objective does. */
const QUANTILE = 0.999;

/** What is known of a checkpoint beside its delays. */
export interface Beside {
  readonly watch: Pick<Watch, 'skewLowMs' | 'skewHighMs' | 'proven'>;
  /** Looks that had to show a canary and didn't, as the backend's own ingest time convicts them. */
  readonly falseAbsences: number;
}

export async function checkMeasured(sql: Sql, config: Config): Promise<Finding[]> {
  const { engine } = await readEngine(sql, config);
  const nowMs = context.clock.now();
  const numbers = engine.pipelines.map(p => p.number);
  const watches = new Map(
    (await readWatches(sql, numbers)).map(w => [`${w.pipeline} ${w.checkpoint}`, w.watermark]),
  );
  const findings = await readFindings(sql, numbers, nowMs - REACH_MS, FINDINGS_MAX);
  const places: Place[] = engine.pipelines.flatMap(pipeline =>
    pipeline.checkpoints.map(checkpoint => {
      const { key } = checkpoint;
      const watch = { ...newWatch, ...watches.get(`${key.pipeline} ${key.checkpoint}`) };
      return { pipeline, checkpoint, watch };
    }),
  );
  const window = windowOf(REACH_MS, nowMs, config.retention.canariesMs);
  const accounts = await snapshot(sql, tx => readAccounts(tx, places, window, nowMs));
  const found: Finding[] = [];
  for (const { place, delays } of accounts) {
    const { pipeline, checkpoint, watch } = place;
    const { key } = checkpoint;
    const [row] = await sql<{ hours: number }[]>`
      select count(*)::int as hours from rollup
       where pipeline = ${key.pipeline} and checkpoint = ${key.checkpoint} and delays is not null
         and hour_ms >= ${window.hourFromMs}`;
    const falseAbsences = findings
      .filter(
        f => f.kind === 'false_absence' && f.pipeline === key.pipeline && f.checkpoint === key.checkpoint,
      )
      .reduce((sum, f) => sum + f.count, 0);
    const quantile = Math.max(QUANTILE, Math.min(pipeline.config.objective.onTime, 0.9999));
    const check = `checkpoint ${pipeline.config.name}/${checkpoint.config.name}`;
    const measured = { ...delays, hours: row?.hours ?? 0 };
    found.push(...judgeMeasured(check, checkpoint.config, measured, { quantile, watch, falseAbsences }));
  }
  return found;
}

/** What is to be said of one checkpoint: of its deadlines, and of its looks. */
export function judgeMeasured(
  check: string,
  c: CheckpointConfig,
  measured: Measured,
  beside: Beside & { readonly quantile: number },
): Finding[] {
  const { quantile } = beside;
  const proposal = propose(measured, { quantile, settleMs: c.settleMs });
  return [
    deadlines(check, c, proposal, { quantile, hours: measured.hours }),
    ...looks(check, c, proposal, beside),
  ];
}

const whole = (n: number): string => n.toLocaleString('en-US');
/** Two digits of what is missing, and no more. */
const percent = (share: number): string => formatPercent(Math.round(share * 1e6) / 1e6);

function deadlines(
  check: string,
  c: CheckpointConfig,
  p: Proposal,
  of: { readonly quantile: number; readonly hours: number },
): Finding {
  const name = `p${+(of.quantile * 100).toPrecision(6)}`;
  const span = formatDuration(of.hours * HOUR_MS);
  if (p.kind === 'too few') {
    const says = `${whole(p.canaries)} canaries within ${span} are too few to propose deadlines from: ${name} takes ${whole(p.needed)} of them, and a day`;
    return ok(check, says);
  }
  if (p.kind === 'missing') {
    const says = `${percent(p.share)} of ${whole(p.canaries)} canaries in ${span} never came: no on_time_within is met by ${percent(of.quantile)}`;
    return hint(check, says, 'find out where they are lost first; deadlines are proposed when they arrive');
  }
  const says =
    `${name} of ${whole(p.canaries)} canaries in ${span} is ${formatDuration(p.quantileMs)} (95% interval ${formatDuration(p.loMs)} to ${formatDuration(p.hiMs)}), the slowest that came ${formatDuration(p.slowestMs)}; ` +
    `you have on_time_within ${printDuration(c.onTimeWithinMs)}, met by ${percent(p.met(c.onTimeWithinMs))}, and lost_after ${printDuration(c.lostAfterMs)}`;
  return judge(check, says, c, p);
}

function judge(check: string, says: string, c: CheckpointConfig, p: Fits): Finding {
  const lookEvery = lookEveryOf(p.onTimeMs);
  // A look_every of the operator's own doesn't follow on_time_within.
  const own = c.lookEveryMs > lookEvery && c.lookEveryMs !== lookEveryOf(c.onTimeWithinMs);
  const fix =
    `on_time_within: ${printDuration(p.onTimeMs)} would be met by ${percent(p.met(p.onTimeMs))}, with lost_after: ${printDuration(p.lostMs)}` +
    (own ? ` and look_every: ${printDuration(Math.floor(lookEvery / 1_000) * 1_000)}` : '');
  if (c.onTimeWithinMs < p.hiMs || c.lostAfterMs < p.slowestMs)
    return hint(check, `${says}: ordinary delays may count as late or lost`, fix);
  if (c.onTimeWithinMs > SLACK * p.onTimeMs || c.lostAfterMs > SLACK * p.lostMs)
    return hint(check, `${says}: trouble is told of later than it could be`, fix);
  return ok(check, `${says}, which fits`);
}

/** As the configuration has it where it isn't set. */
const lookEveryOf = (onTimeWithinMs: number): number =>
  Math.min(60_000, Math.max(1_000, Math.round(onTimeWithinMs / 3)));

const SKEW_WARN_MS = 2_000;

/** Whether looks show what is there, and at what time. */
function looks(check: string, c: CheckpointConfig, p: Proposal, { watch, falseAbsences }: Beside): Finding[] {
  const found: Finding[] = [];
  if (falseAbsences > 0) {
    const rate = p.canaries > 0 ? ` (${percent(Math.min(1, falseAbsences / p.canaries))} of canaries)` : '';
    const says = `${whole(falseAbsences)} false absences${rate}: the backend had taken a canary in before a look that didn’t show it, so its answers are older than settle ${printDuration(c.settleMs)}`;
    found.push(hint(check, says, `settle: ${printDuration(niceAbove(Math.max(1_000, 2 * c.settleMs)))}`));
  }
  if (watch.proven && watch.skewLowMs < -SKEW_WARN_MS) {
    const says = `records are stamped up to ${formatDuration(-watch.skewLowMs)} before their canary was planned, and up to ${formatDuration(watch.skewHighMs)} after: clocks differ, ours or the path’s`;
    found.push(
      hint(check, says, 'set clocks by NTP; delays by the records’ own time would be off by as much'),
    );
  }
  if (p.kind === 'fits' && p.quantileMs <= c.lookEveryMs + c.settleMs && c.lookEveryMs > 1_000) {
    const says = `canaries are seen at the first or second look: what was measured is mostly look_every (${formatDuration(c.lookEveryMs)}), not the path`;
    found.push(ok(check, says));
  }
  return found;
}
