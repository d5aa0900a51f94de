/**
 * What a log store that is pushed to by Loki's API must show, whichever it is: canaries on time; what a relay before it
 * swallowed is lost, by name, and nothing else; and while it is down nothing is lost that it holds afterwards.
 */
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../../support/database.ts';
import { type Coalmine, isSeen, namesWhere, startCoalmine, tally, type Verdict } from './coalmine.ts';
import { describePeer, type Need } from './needs.ts';
import { pause } from './process.ts';
import { type Relay, relayTo } from './relay.ts';
import { useScene } from './scene.ts';

export interface LogStore {
  readonly url: string;
  /** What stands before /loki/api/v1/push. */
  readonly pushPath: string;
  /** How coalmine looks, as `observe:` in YAML's flow style. */
  readonly observe: string;
  /** Names of all it holds, asked without anything of coalmine's. */
  held(): Promise<string[]>;
  start(): Promise<void>;
  /** Tells it to end, and waits until it has. */
  stop(): Promise<void>;
}

/** The serial number in the certificate's line is the canary's slot. */
const SERIAL = / \(serial (\d+)\) CA /;

/** The name of a record: the host it came from, and what its line says. */
export const nameOfRecord = (host: string, line: string): string => {
  const [, slot] = SERIAL.exec(line) ?? [];
  if (slot === undefined) throw new Error(`no canary's line: ${line}`);
  return `${host} ${slot}`;
};

const READY_WITHIN_MS = 120_000;
const TARGETS = ['web-1', 'web-2'];

const pipelineOf = (store: LogStore, relay: Relay): string => `
  auth:
    every: 200ms
    event: { format: sshd, user: canary }
    inject: { kind: loki, url: "${relay.url}${store.pushPath}" }
    targets: [${TARGETS.join(', ')}]
    send_within: 1s
    checkpoints:
      - { name: store, observe: ${store.observe}, on_time_within: 5s, lost_after: 9s, look_every: 500ms, settle: 1500ms }
`;

export const logStorePeer = (
  given: { readonly name: string; readonly needs: readonly Need[] },
  open: (dir: string) => Promise<LogStore>,
): void => {
  describePeer(`${given.name}, pushed to and asked`, given.needs, () => {
    const db = useDatabase();
    const scene = useScene('log-store');
    let store: LogStore;
    let relay: Relay;
    let coalmine: Coalmine;

    beforeAll(async () => {
      store = scene.keep(await open(scene.dir));
      await store.start();
      relay = scene.keep(await relayTo(store.url));
      const pipelines = pipelineOf(store, relay);
      coalmine = scene.keep(await startCoalmine({ store: db.options, pipelines }));
    }, READY_WITHIN_MS);

    /** Waits until all that was sent from `fromMs` until now has settled. */
    const settledSince = async (fromMs: number): Promise<Verdict[]> => {
      const endedMs = Date.now();
      const settled = (await coalmine.settled('store', endedMs)).filter(v => v.slot >= fromMs);
      expect(coalmine.errors).toEqual([]);
      return settled;
    };
    const heldOf = async (settled: readonly Verdict[]) => {
      const held = await store.held();
      expect(held.length).toBe(new Set(held).size);
      const names = new Set(held);
      return namesWhere(settled, v => names.has(v.name));
    };

    test('every canary is on time', async () => {
      const fromMs = Date.now();
      await pause(5_000);
      const settled = await settledSince(fromMs);
      expect(tally(settled)).toEqual({ on_time: settled.length });
      expect(await heldOf(settled)).toEqual(namesWhere(settled, () => true));
      for (const target of TARGETS) {
        expect(namesWhere(settled, v => v.target === target).length, target).toBeGreaterThan(15);
      }
    });

    test('what was swallowed on the way is lost, by name, and nothing else is', async () => {
      const fromMs = Date.now();
      await pause(1_500);
      relay.swallowing = true;
      await pause(2_000);
      relay.swallowing = false;
      await pause(1_500);
      const settled = await settledSince(fromMs);
      const held = await heldOf(settled);
      const lost = namesWhere(settled, v => v.verdict === 'lost');
      expect(lost).toEqual(namesWhere(settled, v => v.sending === 'accepted' && !held.includes(v.name)));
      expect(lost.length).toBeGreaterThan(10);
      expect(namesWhere(settled, isSeen)).toEqual(held);
      expect(held.length).toBeGreaterThan(15);
    });

    test(
      'while it is down it takes nothing and shows nothing; back again, all that it took is there and nothing is lost',
      async () => {
        const fromMs = Date.now();
        await pause(1_500);
        await store.stop();
        await pause(2_500);
        const endedMs = Date.now();
        await store.start();
        const againMs = Date.now();
        await pause(2_500);
        const settled = await settledSince(fromMs);
        expect(namesWhere(settled, isSeen)).toEqual(await heldOf(settled));
        expect(namesWhere(settled, v => v.verdict === 'lost')).toEqual([]);
        expect(namesWhere(settled, v => v.verdict === 'refused' && v.slot < endedMs).length).toBeGreaterThan(
          5,
        );
        const after = settled.filter(v => v.slot >= againMs);
        expect(tally(after)).toEqual({ on_time: after.length });
        expect(after.length).toBeGreaterThan(15);
      },
      READY_WITHIN_MS,
    );
  });
};
