/** Reports of a world with a known fate: what is in them is what the lab says, and it reads as it should. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportDocument } from '../../src/domain/report/compose.ts';
import type { ReportData } from '../../src/domain/report/data.ts';
import { html } from '../../src/domain/report/html.ts';
import { markdown } from '../../src/domain/report/markdown.ts';
import { seal } from '../../src/engine/chain.ts';
import { incidentReportOf, reportOf } from '../../src/engine/report.ts';
import { addNote } from '../../src/store/incident.ts';
import { openStore, type Sql } from '../../src/store/open.ts';
import { useDatabase } from '../support/database.ts';
import { faultConfig, faults } from '../support/faults.ts';
import { openWorld, type World, WorldClock } from '../support/world.ts';

const HOUR = 3_600_000;
/** The world begins shortly before an hour ends, which is sealed then. */
const INTO_HOUR = 57.5 * 60_000;
const config = `${faultConfig()
  .replace(
    'every: 2s',
    'every: 2s\n    title: SSH sign-ins → Loki\n    notify: { loss: [desk], ours: [crew] }',
  )
  .replace('look_every: 2s', 'look_every: 2s, holds: 6h')}
    objective: { on_time: 99.9%, delivered: 99.9% }
    volume: 1200000 per hour
notify:
  desk: { kind: webhook, url: "http://desk/hook" }
  crew: { kind: webhook, url: "http://crew/hook" }
`;
const db = useDatabase();
let w: World;
let sql: Sql;
let startMs: number;

async function run(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 2_000) {
    await w.run(2_000, 2_000);
    await w.running.idle();
  }
}

beforeAll(async () => {
  const clock = new WorldClock();
  clock.step(INTO_HOUR);
  startMs = clock.now();
  w = await openWorld(db.options, config, { seed: 7, clock, cacheRecords: 20 });
  sql = openStore({ ...db.options, max: 3 });
  await run(30_000);
  await faults(w, { agents: { 'web-1': { stall: true } } });
  await run(76_000);
  w.lab.restart('web-1');
  await run(110_000);
  await seal(w.running.engine);
}, 60_000);
afterAll(async () => {
  await sql.end({ timeout: 5 });
  await w.close();
});

const told = (text: string) => text.replace(/\s+/g, ' ');

describe('a report of a period', () => {
  let data: ReportData;
  let md: string;
  const number = async () =>
    (await sql<{ number: number }[]>`select number from incident where kind = 'loss'`)[0]!.number;

  beforeAll(async () => {
    const say = async (text: string, kind: 'note' | 'ack' = 'note') =>
      addNote(sql, await number(), { atMs: w.clock.now(), by: 'Kim', kind, text });
    await say('', 'ack');
    await say('Cause: the agent on web-1 deadlocked.\nIt went on acknowledging.\n\nAsked the vendor.');
    await say('Remediation: agent restarted\nPrevention: a watchdog');
    await sql`insert into target (pipeline, name, state, since_ms) values (1, 'web-9', 'active', 1)`;
    data = await reportOf(w.running.engine, { sinceMs: startMs, untilMs: w.clock.now(), version: '9.8.7' });
    md = markdown(reportDocument(data));
  });

  test('counts what the lab says, three ways, over whole hours', () => {
    const { data: canaries } = w.lab.truth({ limit: 100_000 });
    const gone = canaries.filter(
      t => t.places.store?.state !== 'stored' && t.firstMs < w.clock.now() - 45_000,
    );
    const [c] = data.pipelines[0]!.checkpoints;
    expect(gone.length).toBeGreaterThan(10);
    expect(c?.counts.lost).toBe(gone.length);
    expect(c?.accepted.n).toBe((c?.accepted.delivered ?? 0) + gone.length);
    expect(c?.scheduled).toBe(canaries.length);
    expect([data.fromMs, data.toMs]).toEqual([startMs - INTO_HOUR, startMs - INTO_HOUR + 2 * HOUR]);
    expect(c?.drills.tested).toBeGreaterThan(5);
    expect(c?.drills.found).toBe(c?.drills.tested);
  });

  test('lists what is lost, by target and range, as far as it is not back', () => {
    const [{ lost, incident }] = data.incidents as [(typeof data.incidents)[0]];
    expect(lost.ranges).toHaveLength(1);
    expect(lost.ranges[0]).toMatchObject({
      target: 'web-1',
      n: data.pipelines[0]!.checkpoints[0]!.counts.lost,
    });
    expect(lost.canaries).toBe(incident.loss?.counts.lost);
  });

  test('says it in plain sentences, with the fields of a record of failure', () => {
    const text = told(md);
    expect(text).toMatch(/# Completeness of logs: SSH sign-ins → Loki/);
    expect(text).toMatch(/Objective of 99.9% delivered: \*\*not met\.\*\* \d+ of \d+ \(\d+\.\d%\): at most/);
    expect(text).toMatch(/\*\*Duration, start and end\*\* \| .* from 2024-09-02 12:5\d/);
    expect(text).toMatch(/\*\*Detected\*\* \| .* after it began/);
    expect(text).toContain('**Cause** | the agent on web-1 deadlocked. It went on acknowledging. (Kim, ');
    expect(text).toContain('**Prevention** | a watchdog. (Kim, ');
    expect(text).toContain('**Security issues that arose** | Not yet recorded.');
    expect(text).toContain('Kim: Asked the vendor.');
    expect(text).toMatch(/\| desk \| opened \| .* \| given up .* after 1 failed attempt/);
    expect(text).toMatch(/crew, instead of desk/);
    expect(text).toContain('**Had canaries** | 2 of 3');
    expect(text).toContain('**Had none** | web-9');
    expect(text).toContain('coalmine 9.8.7, store test-store');
    expect(text).toContain(`**Head** | \`${data.record.chains[0]?.head}\``);
    expect(text).not.toMatch(/\bcompliant\b|undefined|NaN|\[object/);
  });

  test('every percentage says what it is of', () => {
    const cells = md.split(/\n|\|/).filter(c => /\d%/.test(c));
    const bare = cells.filter(
      c => !/\d+ of \d|with 95% confidence|95% confidence|interval|on time, .* delivered/.test(c),
    );
    expect(cells.length).toBeGreaterThan(5);
    expect(bare).toEqual([]);
  });

  test('as one HTML file that needs nothing else', () => {
    const page = html(reportDocument(data));
    expect(page).not.toMatch(/<script|<link|<img|src=|url\(/);
    expect(page).toMatch(/prefers-color-scheme:dark[\s\S]*@media print/);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(m => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
    const missing = [...page.matchAll(/href="#([^"]+)"/g)].map(m => m[1]).filter(ref => !ids.includes(ref));
    expect(missing).toEqual([]);
  });

  test('of one incident: its own hours, and only it', async () => {
    const one = await incidentReportOf(w.running.engine, { incident: await number(), version: '1' });
    expect(one?.incidents.map(i => i.incident.id)).toEqual([await number()]);
    expect(one?.fromMs).toBe(startMs - INTO_HOUR);
    expect(told(markdown(reportDocument(one!)))).toMatch(/# Incident \d+: SSH sign-ins → Loki/);
    expect(await incidentReportOf(w.running.engine, { incident: 99_999, version: '1' })).toBeNull();
  });

  test('of a time in which nothing was', async () => {
    const untilMs = startMs - 10 * HOUR;
    const none = await reportOf(w.running.engine, { sinceMs: untilMs - HOUR, untilMs, version: '1' });
    const text = told(markdown(reportDocument(none)));
    expect(text).toContain('No canary was scheduled here in the period, so nothing can be said.');
    expect(text).toContain('No incident of loss is on record for the period.');
    expect(text).toContain('can’t be told');
  });

  test('a record that was edited is told first', async () => {
    await sql`update chain set counts = '{"on_time": 1}' where number = 1`;
    const edited = await reportOf(w.running.engine, {
      sinceMs: startMs,
      untilMs: w.clock.now(),
      version: '1',
    });
    expect(edited.record.ok).toBe(false);
    const text = told(markdown(reportDocument(edited)));
    expect(text).toMatch(/## 1 Summary .*\*\*The record does not verify\.\*\*.* ## 2/);
    expect(text).toMatch(
      /\*\*loki, hour of 2024-09-02 12:00 UTC\*\*: link 1 is not what its hash was made from/,
    );
  });
});
