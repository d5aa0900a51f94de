/** What the terminal is told: each change once, nothing twice, and nothing that doesn't last. */
import { expect, test } from 'vitest';
import type { Overview, PipelineState } from '../../../src/engine/view.ts';
import { createNarrator } from '../../../src/runtimes/demo/narrator.ts';

const START_MS = Date.UTC(2024, 8, 2);

interface Moment {
  readonly state?: PipelineState;
  readonly lost?: number;
  readonly recovered?: number;
  readonly seen?: boolean;
}

/** A view of one pipeline with one checkpoint, as far as the narrator reads it. */
const viewOf = (s: number, moment: Moment): Overview => {
  const { state = 'healthy', lost = 0, recovered = 0, seen = true } = moment;
  const asOfMs = START_MS + s * 1_000;
  const pipeline = {
    name: 'ssh',
    title: 'SSH',
    state,
    stateReason: `because ${state}`,
    checkpoints: [{ name: 'loki', counts: { lost, recovered }, lostAfterMs: 25_000 }],
    targetsView: [
      {
        name: 'web-2',
        checkpoints: [{ name: 'loki', verdicts: { lost }, lastSeenMs: seen ? asOfMs : START_MS - 1 }],
      },
    ],
  };
  return { asOfMs, pipelines: [pipeline] } as unknown as Overview;
};

/** A view every two seconds. */
const told = (moments: readonly Moment[], everyS = 2): string[] => {
  const narrator = createNarrator(START_MS);
  return moments.flatMap((moment, i) => narrator.read(viewOf(i * everyS, moment)));
};
const times = (n: number, moment: Moment): Moment[] => Array.from({ length: n }, () => moment);

test('an older run’s sightings are no news; the first of this run is, once', () => {
  const lines = told([...times(3, { seen: false }), ...times(20, {})]);
  expect(lines).toEqual([
    'SSH: first canaries seen (loki)',
    'Canaries arrive on all 1 pipelines, 6 s after the start.',
  ]);
});

test('what isn’t healthy just after the start is only not there yet; what stays so is told', () => {
  expect(told(times(5, { state: 'blind', seen: false }))).toEqual([]);
  expect(told(times(30, { state: 'blind', seen: false }))).toEqual([
    'SSH: BLIND, which is not loss: because blind',
  ]);
});

test('a change is told once it lasts, with the targets that lose; a flicker is not', () => {
  const lines = told([
    ...times(3, {}),
    { state: 'late' },
    ...times(3, {}),
    ...times(5, { state: 'losing', lost: 4 }),
    ...times(5, { lost: 4 }),
  ]);
  expect(lines.slice(2)).toEqual([
    'SSH: loki: first loss: 4 canaries are proven not to be there 25 s on',
    'SSH: LOSING EVENTS: because losing. Lost by target: web-2 (4)',
    'SSH: healthy again: because healthy',
  ]);
});

test('those that come back are told once their number rests, and only new ones after that', () => {
  const lines = told([
    ...times(3, {}),
    ...times(2, { lost: 9 }),
    { lost: 5, recovered: 4 },
    ...times(4, { lost: 1, recovered: 8 }),
    ...times(4, { lost: 0, recovered: 9 }),
  ]);
  expect(lines.slice(3)).toEqual([
    'SSH: loki: 8 lost canaries came back; 1 are still lost',
    'SSH: loki: 1 lost canaries came back; 0 are still lost',
  ]);
});
