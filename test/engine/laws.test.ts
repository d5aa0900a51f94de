/** The laws, over every statement of a short run: it fails, its outcome is unknown, or the process dies there. */
import { afterEach, describe, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { accountsOf, Small, small } from '../support/small.ts';
import type { Hooks } from '../support/statements.ts';

const db = useDatabase();
let w: Small;
let isOpen = false;
const open = (): Small => {
  isOpen = true;
  w = new Small(db.options);
  return w;
};
const close = async (): Promise<void> => {
  if (isOpen) await w.close();
  isOpen = false;
};
afterEach(close);

/** Lets `skip` statements pass, then does `what` to the next one (or, once dead, to all). */
function fault(skip: number, what: { readonly after: boolean; readonly dies: boolean }) {
  let n = 0;
  const state = { text: '', count: 0, armed: false };
  const hit = (after: boolean) => (text: string) => {
    if (!state.armed) return;
    if (state.text !== '' && what.dies) return new Promise<void>(() => {});
    if (after !== what.after || state.text !== '') return;
    if (text === 'begin') return;
    state.count = ++n;
    if (n <= skip) return;
    state.text = text;
    if (what.dies) return new Promise<void>(() => {});
    throw new Error('the connection was lost');
  };
  const hooks: Hooks = { before: hit(false), after: hit(true) };
  return { hooks, state };
}

async function expectLaws(): Promise<void> {
  const tokens = w.sink.taken.map(t => t.token);
  expect(new Set(tokens).size, 'no canary is sent twice').toBe(tokens.length);
  const all = await w.verdicts();
  const planned = all.filter(v => v.target !== 'drill');
  const names = new Set(
    planned.map(v => {
      const [target, slot, index] = v.name.split('.').map(Number);
      const { keyring } = w.replicas[0]!.running.engine;
      return keyring.sign({ target: target!, slot: slot!, index: index! }).token;
    }),
  );
  expect(
    tokens.filter(t => !names.has(t)),
    'no canary was sent without a committed intent',
  ).toEqual([]);
  const bad = planned.filter(v => ['lost', 'unproven', 'overdue', 'missed_here'].includes(v.verdict));
  expect(bad, 'nothing is lost').toEqual([]);
  const nowMs = w.clock.now();
  const old = planned.filter(v => Number(v.name.split('.')[1]) < nowMs - 8_000);
  expect(old.filter(v => v.verdict === 'pending')).toEqual([]);
  const arrived = planned.filter(v => ['on_time', 'late', 'delivered', 'recovered'].includes(v.verdict));
  const doubtful = planned.filter(v => v.verdict === 'maybe_sent' || v.verdict === 'pending');
  expect(tokens.length).toBeGreaterThanOrEqual(arrived.length);
  expect(tokens.length).toBeLessThanOrEqual(arrived.length + doubtful.length);
  const drills = all.filter(v => v.target === 'drill' && Number(v.name.split('.')[1]) < nowMs - 8_000);
  for (const d of drills) expect(d.verdict).toBe('lost');
  const accounts = await accountsOf(w.sql);
  expect(accounts.wrongRows).toBe(0);
  // What was skipped while nobody ran is in the rollups alone.
  const sent = (rows: typeof accounts.rolled) => rows.filter(r => r.key !== 'unsent');
  expect(sent(accounts.rolled)).toEqual(sent(accounts.folded));
}

const config = small();
/** Not every one, but with four kinds of fault begun at different ones: enough to meet each kind of statement. */
const STRIDE = 11;
const LEASE = { leaseMs: 5_000 };

describe('at every statement', () => {
  const kinds = [
    { after: false, dies: false, name: 'it fails' },
    { after: true, dies: false, name: 'its outcome is unknown' },
    { after: false, dies: true, name: 'the process dies before it' },
    { after: true, dies: true, name: 'the process dies after it' },
  ] as const;
  for (const [k, kind] of kinds.entries()) {
    test(`${kind.name}: the laws hold`, { timeout: 120_000 }, async () => {
      const met = new Set<string>();
      for (let skip = k; ; skip += STRIDE) {
        const f = fault(skip, kind);
        open();
        const first = await w.start(config, f.hooks, LEASE);
        f.state.armed = true;
        for (let i = 0; i < 6 && !(kind.dies && f.state.text !== ''); i++) await w.run(500);
        const isReached = f.state.text !== '';
        met.add(f.state.text.trim().slice(0, 60));
        if (kind.dies) await w.kill(first);
        else await w.stop(first);
        f.state.armed = false;
        await w.start(config, {}, LEASE);
        await w.run(14_000, 1_000);
        await expectLaws();
        await close();
        if (!isReached) break;
      }
      expect(met.size, 'different statements').toBeGreaterThan(3);
    });
  }
});
