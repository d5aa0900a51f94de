/** What every observer must do, whatever it looks at. Each member runs it against a real server or real files. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Look, Observer, ObserverDefinition } from '../../src/contracts/observer.ts';
import { FAULTS, type Fault } from '../support/faulty-server.ts';
import { collect, create, lineOf, lookOf, T0 } from '../support/observing.ts';

/** A backend of the member's kind, with nothing in it. */
export interface Rig {
  readonly settings: Record<string, unknown>;
  /** Makes these visible, in this order; the i-th at T0 + atMs. */
  put(records: readonly { readonly text: string; readonly atMs: number }[]): Promise<void>;
  /** Handles, requests, connections under way on behalf of looks. */
  open(): number;
  /** Only for members that ask over HTTP. */
  misbehave?(fault: Fault | undefined, afterRequests?: number): void;
  close(): Promise<void>;
}

export interface Member {
  readonly name: string;
  readonly definition: ObserverDefinition;
  readonly by: Look['by'];
  /** The same adapter, run with other settings: what its requests may meet was tried already. */
  readonly variant?: boolean;
  rig(): Promise<Rig>;
}

/** What the reason must tell of a fault that could be mistaken for another. */
const TELLS: Partial<Record<Fault, RegExp>> = {
  'redirect loop': /redirect to/,
  'empty 200': /empty body/,
  'endless answer': /more than 200000 bytes/,
  'no answer': /within 120 ms/,
  'accepted 202': /202/,
};
const COUNT = 1000;
/** Three to a time stamp. */
const records = Array.from({ length: COUNT }, (_, i) => ({ text: lineOf(i), atMs: Math.floor(i / 3) }));
const placed = records.map(r => r.text).sort();

export const observerConformance = (member: Member): void => {
  const { definition, by } = member;
  describe(`${member.name} conforms`, () => {
    let rig: Rig;
    let observer: Observer;
    beforeEach(async () => {
      rig = await member.rig();
      observer = await create(definition, rig.settings);
    });
    afterEach(async () => {
      await observer.close();
      await observer.close();
      await rig.close();
    });
    const again = async (over: Record<string, unknown>) => create(definition, { ...rig.settings, ...over });
    const released = async () => {
      for (let i = 0; i < 30 && rig.open() > 0; i++) await turn();
      expect(rig.open()).toBe(0);
    };

    test('states itself: one line, described settings, none unknown', () => {
      expect(definition.summary).toMatch(/^[^\n]{10,120}$/);
      const json = z.toJSONSchema(definition.schema, { io: 'input', unrepresentable: 'any' });
      for (const [name, field] of Object.entries(json.properties ?? {})) {
        expect((field as { description?: string }).description, name).toMatch(/\w/);
      }
      expect(definition.schema.safeParse({ ...rig.settings, no_such_setting: 1 }).success).toBe(false);
    });

    test('nothing there is an exhausted look', async () => {
      const looked = await collect(observer, lookOf({ by }));
      expect(looked).toMatchObject({ texts: [], end: { end: 'exhausted' } });
    });

    test('finds exactly what was placed, and finds it again', async () => {
      await rig.put(records);
      for (let i = 0; i < 2; i++) {
        const looked = await collect(observer, lookOf({ by }));
        expect(looked.end.end).toBe('exhausted');
        expect([...looked.texts].sort()).toEqual(placed);
      }
      await released();
    });

    test('a limit makes the look truncated, never whole', async () => {
      await rig.put(records);
      const byCount = await collect(observer, lookOf({ by, limits: { records: 100, bytes: 1e9 } }));
      expect(byCount.end.end).toBe('truncated');
      expect(byCount.records.length).toBe(100);
      const byBytes = await collect(observer, lookOf({ by, limits: { records: 1e9, bytes: 5000 } }));
      expect(byBytes.end.end).toBe('truncated');
      expect(byBytes.texts.join('').length).toBeLessThanOrEqual(5000);
      const exact = await collect(observer, lookOf({ by, limits: { records: COUNT, bytes: 1e9 } }));
      expect(exact.end.end).toBe('exhausted');
    });

    test('an aborted look fails, promptly and without throwing', async () => {
      await rig.put(records);
      const looked = await collect(observer, lookOf({ by }), AbortSignal.abort());
      expect(looked).toMatchObject({ texts: [], end: { end: 'failed' } });
      await released();
    });

    test('a look that is left in the middle holds nothing open', async () => {
      await rig.put(records);
      for await (const found of observer.observe!(lookOf({ by }), new AbortController().signal)) {
        expect(found).toHaveProperty('page');
        break;
      }
      await released();
    });

    test('a way it cannot look is a failed look', async () => {
      for (const other of ['event', 'follow'] as const) {
        if (other === by) continue;
        expect((await collect(observer, lookOf({ by: other }))).end.end).toBe('failed');
      }
    });

    if (definition.traits.way === 'query') queries();
    function queries() {
      const tiny = member.variant ? 9 : 1;
      test(`page size ${tiny} finds all of 1000`, async () => {
        await rig.put(records);
        const looked = await collect(await again({ page_size: tiny, pages_max: 5000 }), lookOf({ by }));
        expect(looked.end.end).toBe('exhausted');
        expect([...looked.texts].sort()).toEqual(placed);
      });

      test('ranges are half open', async () => {
        await rig.put(records);
        const looked = await collect(observer, lookOf({ by, fromMs: T0 + 1, toMs: T0 + 3 }));
        expect([...looked.texts].sort()).toEqual(
          records
            .slice(3, 9)
            .map(r => r.text)
            .sort(),
        );
        expect(looked.end.end).toBe('exhausted');
      });

      test('more pages than allowed is a truncated look', async () => {
        await rig.put(records);
        const looked = await collect(await again({ page_size: 10, pages_max: 3 }), lookOf({ by }));
        expect(looked.end.end).toBe('truncated');
      });

      test.each(member.variant ? ['cut connection' as const] : FAULTS)(
        '%s: on the first request and on a later one',
        async fault => {
          await rig.put(records);
          const small = await again({ page_size: 10, timeout: '120ms', body_bytes_max: 200_000 });
          for (const good of [0, 2]) {
            rig.misbehave!(fault, good);
            const looked = await collect(small, lookOf({ by }));
            expect(looked.end.end).toBe('failed');
            expect(looked.end.reason).toMatch(TELLS[fault] ?? /./);
            if (good === 0) expect(looked.texts).toEqual([]);
            if (fault === 'throttle 429') expect(looked.end.retryAfterMs).toBe(7000);
            if (fault === 'throttle 503 until a date') {
              expect(looked.end).toMatchObject({ retryAfterMs: 9000, backendNowMs: T0 });
            }
            if (fault !== 'no answer') continue;
            const stop = new AbortController();
            rig.misbehave!(fault);
            const look = collect(observer, lookOf({ by }), stop.signal);
            setTimeout(() => stop.abort(), 5);
            expect((await look).end.end).toBe('failed');
          }
          await released();
          rig.misbehave!(undefined);
          expect((await collect(observer, lookOf({ by }))).end.end).toBe('exhausted');
        },
      );

      test('nobody there is a failed look', async () => {
        await rig.close();
        expect((await collect(observer, lookOf({ by }))).end.end).toBe('failed');
      });

      test("tells the backend's clock", async () => {
        const { backendNowMs } = (await collect(observer, lookOf({ by }))).end;
        expect(Math.abs(backendNowMs! - Date.now())).toBeLessThan(5000);
      });
    }
  });
};
