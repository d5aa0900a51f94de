/** What an incident looks like in time: its chart with a key, and how long what is missing can still be had. */
import type { Incident, LossFacts } from '../../domain/incident.ts';
import { formatDuration } from '../../domain/words.ts';
import type { IncidentBars } from '../../engine/incident-bars.ts';
import { barsSummary } from './charts/bars.tsx';
import { IncidentStrip } from './charts/incident-strip.tsx';
import { Swatch } from './charts/patterns.tsx';
import { STACK } from './palette.ts';
import { At } from './parts.tsx';

export const Strip = ({
  drawn,
  incident,
  nowMs,
}: {
  drawn: IncidentBars;
  incident: Incident;
  nowMs: number;
}) => {
  const present = STACK.filter(s => drawn.bars.some(b => (b.counts[s.bucket] ?? 0) > 0));
  const first = drawn.bars[0];
  return (
    <figure class="span-chart">
      <IncidentStrip
        drawn={drawn}
        incident={incident}
        nowMs={nowMs}
        label={barsSummary(drawn.checkpoint, drawn.bars, nowMs)}
      />
      <figcaption>
        <span>Canaries at {drawn.checkpoint}, by when they were sent:</span>
        {present.map(s => (
          <span class="key" title={s.meaning}>
            <Swatch bucket={s.bucket} /> {s.word}
          </span>
        ))}
        {drawn.blind.length > 0 ? (
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

/** How long the hop still holds its own copy of the first that is missing. */
export const Held = ({ loss, nowMs }: { loss: LossFacts; nowMs: number }) => {
  const { counts, holdsMs, heldUntilMs, firstMs, hop, phase } = loss;
  if (holdsMs === null || phase === 'refused' || counts.lost + counts.overdue === 0) return null;
  const untilMs = heldUntilMs ?? firstMs + holdsMs;
  const leftMs = Math.floor((untilMs - nowMs) / 1_000) * 1_000;
  if (leftMs <= 0)
    return (
      <p class="held is-over">
        <b>Permanent by now:</b> what ships to {hop.checkpoint} holds events for {formatDuration(holdsMs)}, so
        since <At ms={untilMs} nowMs={nowMs} /> the oldest may be gone for good.
      </p>
    );
  const gone = Math.min(100, Math.max(1, Math.round((1 - leftMs / holdsMs) * 100)));
  return (
    <div class="held">
      <p>
        <b>{formatDuration(leftMs)} left</b> until loss is permanent, at{' '}
        <At ms={untilMs} nowMs={nowMs} seconds />: what ships to {hop.checkpoint} holds events for{' '}
        {formatDuration(holdsMs)}.
      </p>
      <svg width="100%" height="10" aria-hidden="true" focusable="false">
        <rect class="left" width="100%" height="10" />
        <rect class="gone" width={`${gone}%`} height="10" />
      </svg>
    </div>
  );
};
