/** One checkpoint as a channel strip: what can be said of it in words and numbers, beside its verdicts and delays. */
import { formatDuration } from '../../domain/words.ts';
import type { CheckpointView } from '../../engine/overview.ts';
import { Bars, barsSummary } from './charts/bars.tsx';
import { thinned } from './charts/columns.ts';
import { Delays, delaySummary } from './charts/delays.tsx';
import { StateGlyph } from './charts/glyph.tsx';
import { Swatch } from './charts/patterns.tsx';
import { Rail } from './charts/rail.tsx';
import type { LaneRow } from './charts/tree.ts';
import { CountsLegend, Fresh, sentence } from './parts.tsx';
import { checkpointState } from './state.ts';
import { count, percent, percentDigits, when } from './when.ts';

export interface RowProps {
  readonly row: LaneRow<CheckpointView>;
  readonly lanes: number;
  readonly pipeline: string;
  /** The pipeline has already said why. */
  readonly said: boolean;
  readonly nowMs: number;
  /** The pipeline's own page: taller, and with the numbers of each column. */
  readonly detail: boolean;
}

export const CheckpointRow = ({ row, lanes, pipeline, said, nowMs, detail }: RowProps) => {
  const c = row.node;
  const id = `at/${encodeURIComponent(pipeline)}/${encodeURIComponent(c.name)}`;
  const Heading = detail ? 'h2' : 'h3';
  return (
    <li class="checkpoint">
      <Rail row={row} lanes={lanes} state={c.state} />
      <section class="strip" aria-labelledby={id}>
        <div class="say">
          <Heading id={id} class="name">
            {c.name}
            <small>
              {' '}
              after {c.after ?? 'source'}, seen through {c.kind}
            </small>
          </Heading>
          <p class={`state s-${c.state}`}>
            <StateGlyph state={c.state} size={14} /> {checkpointState(c, nowMs)}
          </p>
          {c.state === 'healthy' || said ? null : <p class="reason">{sentence(c.stateReason)}</p>}
          <Completeness view={c} />
          <SeenTo view={c} nowMs={nowMs} />
        </div>
        <div class="show">
          <Verdicts view={c} nowMs={nowMs} detail={detail} />
          <figure>
            <Delays view={c} />
            <figcaption class="unseen">{delaySummary(c)}</figcaption>
          </figure>
        </div>
      </section>
    </li>
  );
};

const Verdicts = ({ view, nowMs, detail }: { view: CheckpointView; nowMs: number; detail: boolean }) => {
  const blind = [
    ...view.gaps,
    ...(view.sight.state === 'blind' ? [{ fromMs: view.sight.sinceMs, toMs: nowMs }] : []),
  ];
  const summary = barsSummary(view.name, view.bars, nowMs);
  const bars = detail ? view.bars : thinned(view.bars);
  const first = bars[0];
  return (
    <figure>
      <Bars
        bars={bars}
        blind={blind}
        nowMs={nowMs}
        heightPx={detail ? 112 : 84}
        titles={detail}
        label={summary}
      />
      <figcaption>
        <CountsLegend counts={view.counts} />
        {blind.length > 0 ? (
          <span class="key">
            <Swatch bucket="blind" /> not seen
          </span>
        ) : null}
        {first ? (
          <span class="key per">one column is {formatDuration(first.toMs - first.fromMs)}</span>
        ) : null}
      </figcaption>
    </figure>
  );
};

/** The three ways (DESIGN §6), each with its n; and how much of the window could be judged at all. */
const Completeness = ({ view }: { view: CheckpointView }) => {
  const { accepted, scheduled, worst, recovered } = view.completeness;
  const digits = percentDigits(worst.n);
  const lost = accepted.n - accepted.delivered;
  return (
    <dl class="completeness" title={view.sentence}>
      <div class="first">
        <dt>Complete, of what was accepted</dt>
        <dd>
          <b>{percent(accepted.share, digits)}</b>
          {accepted.n === 0 ? null : (
            <span>
              at least {percent(accepted.atLeast, digits, 'down')} with 95{'\u202f%'} confidence
            </span>
          )}
          <span>
            {count(lost)} lost
            {recovered > 0 ? ` (${count(recovered)} back after being declared lost)` : ''}
          </span>
          <span>
            n{'\u2009'}={'\u2009'}
            {count(accepted.n)}
          </span>
        </dd>
      </div>
      <Way name="Of scheduled" share={scheduled.share} n={scheduled.n} digits={digits} />
      <Way name="Worst case" share={worst.share} n={worst.n} digits={digits} />
      <div>
        <dt>Coverage</dt>
        <dd>
          <b>{percent(view.coverage, view.coverage === 1 ? 0 : 1, 'down')}</b> <span>of the time</span>
        </dd>
      </div>
    </dl>
  );
};

const Way = (p: { name: string; share: number | undefined; n: number; digits: number }) => (
  <div>
    <dt>{p.name}</dt>
    <dd>
      <b>{percent(p.share, p.digits)}</b>{' '}
      <span>
        n{'\u2009'}={'\u2009'}
        {count(p.n)}
      </span>
    </dd>
  </div>
);

const SeenTo = ({ view, nowMs }: { view: CheckpointView; nowMs: number }) => {
  if (view.watermarkMs === null) return <p class="seen-to">Nothing has been seen here yet.</p>;
  return (
    <p class="seen-to">
      Accounted for up to <Fresh ms={view.watermarkMs} nowMs={nowMs} />
      {view.failures > 0 && view.lastLook
        ? `. ${count(view.failures)} looks in a row ${view.lastLook.end} (last at ${when(view.lastLook.endedMs, nowMs, true)})`
        : ''}
    </p>
  );
};
