/** An incident in time: its canaries by what became of them, its span shaded, with flags where it began, was found and ended. */
import type { Incident } from '../../../domain/incident.ts';
import type { IncidentBars } from '../../../engine/incident-bars.ts';
import { when } from '../when.ts';
import { AXIS_PX, Axis, ColumnShape, LossMark, MARKS_PX, Unseen } from './bars.tsx';
import { columnsOf, stretch } from './columns.ts';

const FLAG_PX = 15;
const HEIGHT_PX = 96;

export interface IncidentStripProps {
  readonly drawn: IncidentBars;
  readonly incident: Incident;
  readonly nowMs: number;
  /** What the chart says, in words. */
  readonly label: string;
}

interface Flag {
  readonly x: number;
  readonly words: string;
}

export const IncidentStrip = ({ drawn, incident, nowMs, label }: IncidentStripProps) => {
  const flags = flagsOf(incident, drawn, nowMs);
  const top = flags.length * FLAG_PX;
  const columns = columnsOf(drawn.bars, HEIGHT_PX);
  const span = stretch({ fromMs: incident.beganMs, toMs: incident.endedMs ?? drawn.toMs }, drawn);
  const bottom = MARKS_PX + HEIGHT_PX;
  return (
    <svg
      class="bars"
      width="100%"
      height={top + bottom + AXIS_PX}
      role="img"
      aria-label={label}
      focusable="false"
    >
      {flags.map((flag, i) => (
        <FlagShape flag={flag} row={i} bottom={top + bottom} />
      ))}
      <svg y={top} width="100%" height={bottom + AXIS_PX} aria-hidden="true" overflow="visible">
        {span ? <rect class="span" x={`${span.x}%`} width={`${span.width}%`} y="0" height={bottom} /> : null}
        {drawn.blind.map(b => (
          <Unseen at={stretch(b, drawn)} heightPx={HEIGHT_PX} />
        ))}
        <line class="base" x1="0" x2="100%" y1={bottom + 0.5} y2={bottom + 0.5} />
        <svg y={MARKS_PX} width="100%" height={HEIGHT_PX} aria-hidden="true">
          {columns.map(column => (
            <ColumnShape column={column} nowMs={nowMs} titles />
          ))}
        </svg>
        {columns.map(column => (
          <LossMark column={column} />
        ))}
        <Axis frame={drawn} nowMs={nowMs} bottom={bottom} end={drawn.toMs >= nowMs ? 'now' : null} />
      </svg>
    </svg>
  );
};

function flagsOf({ beganMs, detectedMs, endedMs }: Incident, frame: IncidentBars, nowMs: number): Flag[] {
  const flag = (atMs: number | null, word: string): Flag[] =>
    atMs === null || atMs < frame.fromMs || atMs > frame.toMs
      ? []
      : [
          {
            x: Math.round(((atMs - frame.fromMs) / (frame.toMs - frame.fromMs)) * 10_000) / 100,
            words: `${word} ${when(atMs, nowMs, true)}`,
          },
        ];
  return [...flag(beganMs, 'began'), ...flag(detectedMs, 'found'), ...flag(endedMs, 'ended')];
}

/** Each in a row of its own, written towards the middle: close together they still don't cover one another. */
const FlagShape = ({ flag: { x, words }, row, bottom }: { flag: Flag; row: number; bottom: number }) => (
  <g class="flag">
    <line x1={`${x}%`} x2={`${x}%`} y1={row * FLAG_PX + 2} y2={bottom} />
    <svg x={`${x}%`} y={row * FLAG_PX} overflow="visible" aria-hidden="true">
      <text x={x > 50 ? -5 : 5} y="11" text-anchor={x > 50 ? 'end' : 'start'}>
        {words}
      </text>
    </svg>
  </g>
);
