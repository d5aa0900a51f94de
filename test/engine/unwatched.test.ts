/** What leaves the configuration takes its incidents along: they end, say why, and whoever was told hears of it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { Small, searched, small } from '../support/small.ts';

const db = useDatabase();
const hooks = `notify:
  desk: { kind: webhook, url: "http://desk/hook" }
  crew: { kind: webhook, url: "http://crew/hook" }
`;
const notify = 'notify: { loss: [desk], ours: [crew] }';
const objective = 'objective: { on_time: 99%, delivered: 99.9% }';
const both = ['sink', 'other'];
const configWith = (places: readonly string[], more = '') =>
  `${small({
    more: `${notify}\n    ${objective}`,
    checkpoints: places.map((name, i) => searched(name, i > 0 ? ', after: source' : '')),
  })}${more}${hooks}`;

interface Row {
  readonly kind: string;
  readonly place: string;
  readonly ended_ms: number | null;
  readonly notes: string | null;
}
let w: Small;
beforeEach(() => {
  w = new Small(db.options);
});
afterEach(async () => {
  const errors = w.errors();
  await w.close();
  expect(errors).toEqual([]);
});

const incidents = () => w.sql<Row[]>`
  select i.kind, c.name as place, i.ended_ms,
         (select string_agg(n.by || ': ' || n.text, '|') from incident_note n where n.incident = i.number) as notes
    from incident i left join checkpoint c on c.pipeline = i.pipeline and c.number = i.checkpoint order by i.number`;
const texts = async () =>
  (
    await w.sql<
      { event: string; text: string }[]
    >`select event, notice->>'text' as text from outbox order by sequence`
  ).map(r => ({ ...r }));

/** A loss at `other`, and `other` blind after that; told of both. */
async function broken(): Promise<void> {
  await w.start(configWith(both));
  await w.run(20_000);
  w.sink.shows = place => place !== 'other';
  await w.run(120_000);
}

for (const kind of ['loss', 'blind'] as const)
  test(`a checkpoint that leaves: its ${kind} ends as no longer watched, and is told as resolved`, async () => {
    await w.start(configWith(both));
    await w.run(20_000);
    if (kind === 'loss') {
      let n = 0;
      const hidden = new Map<string, boolean>();
      // Every other line: what was seen there is still found again.
      w.sink.shows = (place, text) => {
        if (place !== 'other') return true;
        if (!hidden.has(text)) hidden.set(text, w.clock.now() > 0 && n++ > 60 && n % 2 === 0);
        return hidden.get(text) !== true;
      };
    } else w.sink.search = async place => (place === 'other' ? 'fail' : 'ok');
    await w.run(120_000);
    const open = await incidents();
    expect(open).toMatchObject([{ kind, place: 'other', ended_ms: null }]);
    const told = kind === 'loss' ? 'desk' : 'crew';
    expect(w.sink.notices.filter(n => n.includes('resolved'))).toEqual([]);
    await w.stop(w.replicas[0]!);
    const leftMs = w.clock.now();
    await w.start(configWith(['sink']));
    await w.run(30_000);
    const [row, ...more] = await incidents();
    expect(more).toEqual([]);
    expect(row?.ended_ms ?? 0).toBeGreaterThanOrEqual(leftMs);
    expect(row?.notes).toMatch(
      /^coalmine: No longer watched: the checkpoint other has left the configuration/,
    );
    const last = (await texts()).at(-1);
    expect(last).toMatchObject({ event: 'resolved' });
    expect(last?.text).toMatch(/^No longer watched: the checkpoint other/);
    expect(last?.text).not.toContain('It is over');
    expect(w.sink.notices.filter(n => n.startsWith(`${told} `)).length).toBe(2);
    // Once, whoever comes after.
    await w.stop(w.replicas[0]!);
    await w.start(configWith(['sink']));
    await w.run(20_000);
    expect((await texts()).filter(t => t.event === 'resolved')).toHaveLength(1);
  });

test('a pipeline that leaves takes all of its incidents along, and those of others stay', async () => {
  await broken();
  expect((await incidents()).filter(i => i.ended_ms === null).length).toBeGreaterThan(0);
  await w.stop(w.replicas[0]!);
  await w.start(configWith(['sink']).replace(/^ {2}p:$/m, '  q:'));
  await w.run(30_000);
  for (const row of await incidents()) expect(row.ended_ms).not.toBeNull();
  expect((await incidents()).map(i => i.notes).join()).toContain('the pipeline has left the configuration');
  const events = (await texts()).map(t => t.event);
  expect(events.filter(e => e === 'resolved')).toHaveLength(events.filter(e => e === 'opened').length);
});
