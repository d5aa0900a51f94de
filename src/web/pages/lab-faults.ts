/** The lab's faults as buttons: the patch each one sends, and what should be seen of it after how long. */
import { formatDuration } from '../../domain/words.ts';
import type { PipelineView } from '../../engine/overview.ts';

/** When things must show, milliseconds: the longest deadlines of the pipelines in view, and a look's time. */
export interface Pace {
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
}

export interface LabFault {
  readonly id: string;
  readonly label: string;
  readonly group: string;
  readonly patch: unknown;
  /** Undoes this fault and nothing else. */
  readonly repair: unknown;
  readonly expect: string;
  /** Whether it is on, in the lab's settings. */
  active(settings: unknown): boolean;
}

/** The deadlines that a visitor waits for: those of the slowest checkpoint. */
export const paceOf = (pipelines: readonly PipelineView[]): Pace => ({
  onTimeWithinMs: Math.max(0, ...pipelines.flatMap(p => p.checkpoints.map(c => c.onTimeWithinMs))),
  lostAfterMs: Math.max(0, ...pipelines.flatMap(p => p.checkpoints.map(c => c.lostAfterMs))),
});

const knob = (settings: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
    settings,
  );

export function labFaults(agents: readonly string[], pace: Pace): LabFault[] {
  const overdue = `after ${formatDuration(pace.onTimeWithinMs)}`;
  const lost = `after ${formatDuration(pace.lostAfterMs)}`;
  const dropped = agents[1] ?? agents[0];
  const stalled = agents[0];
  return [
    ...(dropped === undefined ? [] : [dropFault(dropped, overdue, lost)]),
    ...(stalled === undefined ? [] : [stallFault(stalled, overdue, lost)]),
    {
      id: 'echo',
      label: 'Collector drops half and quotes it in error lines',
      group: 'Collector',
      patch: { collector: { echo: true, drop: 0.5 } },
      repair: { collector: { echo: false, drop: 0 } },
      expect: `Echoes appear as findings at once and count for nothing; the dropped canaries are overdue ${overdue} and lost ${lost}, although their tokens can be found in the store.`,
      active: s => knob(s, 'collector', 'echo') === true,
    },
    queryFault(
      'fail',
      'Log store answers 500',
      'The store’s checkpoint turns blind after about three failed looks. Nothing is declared lost, however long it lasts.',
    ),
    queryFault(
      'empty',
      'Log store answers empty, with 200',
      'The store’s checkpoint turns blind at the next look: canaries that were seen are no longer found, so the answer isn’t believed. A naive monitor would report total loss.',
    ),
    queryFault(
      'throttle',
      'Log store throttles (429)',
      'The store’s checkpoint turns blind after about three failed looks, which back off as the store asks.',
    ),
    queryFault(
      'truncate',
      'Log store silently answers half',
      'The store hides canaries and claims to have shown all. Where it hides some that were seen before, its checkpoint turns blind at the next look; the others come back when it is repaired.',
    ),
  ];
}

const dropFault = (agent: string, overdue: string, lost: string): LabFault => ({
  id: 'drop',
  label: `Drop 20\u202f% on ${agent}`,
  group: 'Agents',
  patch: { agents: { [agent]: { drop: 0.2 } } },
  repair: { agents: { [agent]: { drop: 0 } } },
  expect: `Canaries of ${agent} turn overdue ${overdue} and lost ${lost}; the pipeline is then losing, and the table of targets points at ${agent}. Its heartbeat stays green.`,
  active: s => Number(knob(s, 'agents', agent, 'drop') ?? 0) > 0,
});

const stallFault = (agent: string, overdue: string, lost: string): LabFault => ({
  id: 'stall',
  label: `Stall ${agent}`,
  group: 'Agents',
  patch: { agents: { [agent]: { stall: true } } },
  repair: { agents: { [agent]: { stall: false } } },
  expect: `The dispatcher deadlocks as in September 2024 and everything else goes on. All canaries of ${agent} turn overdue ${overdue} and lost ${lost}. A restart ships what its cache still holds: lost turns into recovered.`,
  active: s => knob(s, 'agents', agent, 'stall') === true,
});

const queryFault = (query: string, label: string, expect: string): LabFault => ({
  id: `query-${query}`,
  label,
  group: 'Log store',
  patch: { store: { query } },
  repair: { store: { query: 'ok' } },
  expect,
  active: s => knob(s, 'store', 'query') === query,
});
