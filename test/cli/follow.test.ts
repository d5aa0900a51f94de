/** What a test canary comes to, whoever sends it. */
import { describe, expect, test } from 'vitest';
import {
  followTest,
  type Hop,
  leavesOf,
  type Story,
  type TestEvent,
  type TestSource,
} from '../../src/cli/lib/test-run.ts';
import { configOf, good } from '../config/parse.ts';

/** archive → loki: one leaf. */
const pipeline = configOf(good()).pipelines[0]!;
const hop = (checkpoint: string, verdict: Hop['verdict'], seen: boolean): Hop =>
  ({
    checkpoint,
    verdict,
    seen_at: seen ? '2026-01-01T00:00:00.000Z' : null,
    integrity: 'intact',
    sight: null,
  }) as Hop;
const story = (sending: Story['sending'], ...hops: Hop[]): Story =>
  ({ name: '1.2.3', sending, reason: sending === 'refused' ? 'full' : null, hops }) as unknown as Story;

async function follow(first: Story | 'never', later: readonly Story[] = [], timeoutMs = 1_000) {
  const events: TestEvent[] = [];
  const source: TestSource = {
    by: 'nobody',
    send: () => (first === 'never' ? new Promise(() => {}) : Promise.resolve(first)),
    story: async () => later[Math.min(polls++, later.length - 1)]!,
    close: async () => {},
  };
  let polls = 0;
  const result = await followTest({
    source,
    pipeline,
    timeoutMs,
    signal: new AbortController().signal,
    tell: async event => {
      events.push(event);
    },
  });
  expect(events.at(-1)).toMatchObject({ event: 'end', result });
  return { ...result, hops: events.filter(e => e.event === 'hop').length };
}

const sent = story('accepted', hop('archive', 'pending', false), hop('loki', 'pending', false));

describe.concurrent('exit codes', () => {
  test('seen at every leaf: good, however late, and whatever was missed on the way', async () => {
    const end = story('accepted', hop('archive', 'missed_here', false), hop('loki', 'late', true));
    expect(await follow(sent, [end])).toMatchObject({ exit: 0, result: 'delivered' });
  });

  test('lost at a leaf: bad', async () => {
    const end = story('accepted', hop('archive', 'on_time', true), hop('loki', 'lost', false));
    expect(await follow(sent, [sent, end])).toMatchObject({
      exit: 1,
      result: 'lost',
      reason: expect.stringContaining('loki'),
    });
  });

  test('refused: bad, and it isn’t looked for', async () => {
    expect(await follow(story('refused'))).toMatchObject({
      exit: 1,
      result: 'refused',
      reason: expect.stringContaining('full'),
      hops: 0,
    });
  });

  test('never left: ours, so nothing is known of the pipeline', async () => {
    expect(await follow(story('unsent'))).toMatchObject({ exit: 3, result: 'unsent' });
  });

  test('its absence can’t be proven: can’t tell', async () => {
    const end = story('accepted', hop('archive', 'on_time', true), hop('loki', 'unproven', false));
    expect(await follow(sent, [end])).toMatchObject({ exit: 3, result: 'unsettled' });
  });

  test('time is up: can’t tell, though a checkpoint before the leaf saw it', async () => {
    const end = story('accepted', hop('archive', 'on_time', true), hop('loki', 'overdue', false));
    expect(await follow(sent, [end], 300)).toMatchObject({
      exit: 3,
      reason: expect.stringContaining('loki'),
    });
  });

  test('a first hop that never answers doesn’t hold us', async () => {
    expect(await follow('never', [], 50)).toMatchObject({
      exit: 3,
      reason: expect.stringContaining('first hop'),
    });
  });

  test('each change is told once', async () => {
    const end = story('accepted', hop('archive', 'on_time', true), hop('loki', 'on_time', true));
    // Twice pending at two checkpoints, then twice seen.
    expect(await follow(sent, [sent, sent, end])).toMatchObject({ exit: 0, hops: 4 });
  });
});

test('leaves are checkpoints that none comes after', () => {
  expect([...leavesOf(pipeline)]).toEqual(['loki']);
  const branches = configOf(good({ 13: '      - name: loki\n        after: source' })).pipelines[0]!;
  expect([...leavesOf(branches)]).toEqual(['archive', 'loki']);
});
