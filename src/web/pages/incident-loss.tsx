/** A loss in full: how much, where and whose, what it looks like, and where to hunt again. */
import type { Incident, LossFacts } from '../../domain/incident.ts';
import { REAL_EVENTS } from '../../domain/incident-kind-words.ts';
import { meaningLine, whereLine } from '../../domain/incident-loss-words.ts';
import { formatPercent } from '../../domain/words.ts';
import { Swatch } from './charts/patterns.tsx';
import { Section } from './parts.tsx';
import { count, isoTime } from './when.ts';

export const LossBlocks = ({ incident, loss }: { incident: Incident; loss: LossFacts }) => (
  <>
    <HowMuch incident={incident} loss={loss} />
    <div class="blocks">
      <Where loss={loss} />
      <Pattern loss={loss} />
    </div>
    <Hunt loss={loss} />
  </>
);

/** Targets that are named at once. */
const NAMES_MAX = 24;

/** The worst first; the bucket that a count is drawn as. */
const COUNTS = [
  ['refused', 'refused', 'refused'],
  ['lost', 'lost', 'lost'],
  ['overdue', 'overdue', 'overdue'],
  ['recovered', 'recovered', 'lost, then back'],
  ['late', 'late', 'late'],
  ['arrived', 'on_time', 'arrived'],
  ['pending', 'pending', 'not decided yet'],
  ['unknown', 'unproven', 'of unknown fate'],
] as const;

const HowMuch = ({ incident, loss }: { incident: Incident; loss: LossFacts }) => {
  const { counts, rate, objective, phase, realEvents } = loss;
  const wanted =
    phase === 'overdue'
      ? `${formatPercent(objective.onTime)} on time`
      : `${formatPercent(objective.delivered)} delivered`;
  const missing = counts.lost + counts.overdue + counts.refused;
  return (
    <Section id="how-much" title="How much">
      <dl class="sums-of">
        {COUNTS.filter(([key]) => counts[key] > 0 || (key === 'lost' && phase === 'lost')).map(
          ([key, bucket, word]) => (
            <div class={key === 'lost' || key === 'refused' ? 'is-bad' : undefined}>
              <dt>
                <Swatch bucket={bucket} /> {word}
              </dt>
              <dd>{count(counts[key])}</dd>
            </div>
          ),
        )}
        <div class="of">
          <dt>sent in this time</dt>
          <dd>{count(counts.scheduled)}</dd>
        </div>
      </dl>
      {rate.n > 0 ? (
        <p class="rate">
          After the first miss of each target touched <b>{formatPercent(rate.share)}</b> (
          {count(Math.round(rate.share * rate.n))} of {count(rate.n)}) missed{' '}
          {phase === 'refused' ? 'the first hop' : 'their deadline'}; with 95{'\u202f%'} confidence between{' '}
          {formatPercent(rate.low)} and {formatPercent(rate.high)}. The objective is {wanted}.
        </p>
      ) : null}
      {realEvents && missing > 0 ? (
        <p class="rate">
          About <b>{count(Number(realEvents.n.toPrecision(3)))}</b> real events are missing, if they fared
          alike ({count(Number(realEvents.low.toPrecision(3)))} to{' '}
          {count(Number(realEvents.high.toPrecision(3)))}).
        </p>
      ) : null}
      <p class="reason">
        {incident.state === 'open' ? `${meaningLine(loss)} ` : ''}
        {REAL_EVENTS}
      </p>
    </Section>
  );
};

const Names = ({ of }: { of: readonly string[] }) => (
  <ul class="targets">
    {of.map(name => (
      <li>{name}</li>
    ))}
  </ul>
);

const Where = ({ loss }: { loss: LossFacts }) => {
  const { hop, phase, targets, checkpoints } = loss;
  const others = checkpoints.filter(c => c !== hop.checkpoint);
  return (
    <Section id="where" title="Where">
      {phase === 'refused' ? null : (
        <ol class="hops" aria-hidden="true">
          <li>{hop.after ?? 'sending'}</li>
          <li class="break">
            <svg width="64" height="16" viewBox="0 0 64 16" focusable="false" aria-hidden="true">
              <path d="M0 8h23M41 8h23M26 2l12 12M38 2 26 14" />
            </svg>
          </li>
          <li class="misses">{[hop.checkpoint, ...others].join(', ')}</li>
        </ol>
      )}
      <p>{whereLine({ ...loss, targets: { ...targets, n: 0 } })}</p>
      {targets.n > 0 ? (
        <>
          <h3>
            Targets touched:{' '}
            {targets.n === targets.of
              ? `all ${count(targets.of)}`
              : `${count(targets.n)} of ${count(targets.of)}`}
            {targets.n > 1 ? ', worst first' : null}
          </h3>
          <Names of={targets.touched.slice(0, NAMES_MAX)} />
          {targets.n > NAMES_MAX ? (
            <details id="more-targets">
              <summary>{count(targets.n - NAMES_MAX)} more</summary>
              <Names of={targets.touched.slice(NAMES_MAX)} />
              {targets.n > targets.touched.length ? (
                <p class="none">and {count(targets.n - targets.touched.length)} that aren’t listed</p>
              ) : null}
            </details>
          ) : null}
        </>
      ) : null}
    </Section>
  );
};

const Pattern = ({ loss: { pattern } }: { loss: LossFacts }) => (
  <Section id="pattern" title="What it looks like">
    {pattern ? (
      <>
        <p class="observed">{`${pattern.name[0]?.toUpperCase()}${pattern.name.slice(1)}`}</p>
        <p>{pattern.evidence}</p>
      </>
    ) : (
      <p class="none">No pattern yet: it takes eight canaries, and a shape that chance doesn’t make.</p>
    )}
  </Section>
);

/** As ISO 8601 has it, to the second: outwards, so that nothing falls out. */
const interval = (fromMs: number, toMs: number): string =>
  [Math.floor(fromMs / 1_000), Math.ceil(toMs / 1_000)]
    .map(s => isoTime(s * 1_000).replace('.000Z', 'Z'))
    .join('/');

const Hunt = ({ loss: { hunt } }: { loss: LossFacts }) => (
  <Section id="hunt" title="Where to hunt again">
    <p>Searches and rules that ran over this time have not seen everything. Run them again on:</p>
    <dl class="hunt">
      <Copyable id="hunt-born" label="events of" text={interval(hunt.eventFromMs, hunt.eventToMs)} />
      <Copyable id="hunt-taken" label="taken in" text={interval(hunt.ingestFromMs, hunt.ingestToMs)} />
      {hunt.query === null ? null : <Copyable id="hunt-query" label="query" text={hunt.query} />}
    </dl>
  </Section>
);

/** One click selects it whole; with JavaScript a button copies it. */
const Copyable = ({ id, label, text }: { id: string; label: string; text: string }) => (
  <div>
    <dt>{label}</dt>
    <dd>
      <pre>
        <code id={id}>{text}</code>
      </pre>
      <button type="button" class="quiet copy" data-copy={id} aria-label={`Copy: ${label}`}>
        Copy
      </button>
    </dd>
  </div>
);
