// What every injector promises (src/contracts/injector.ts), asked of each against a real receiving end.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Context } from '../../src/contracts/context.ts';
import type { Injector, InjectorDefinition, Outcome, Outgoing } from '../../src/contracts/injector.ts';

export type Settings = Readonly<Record<string, unknown>>;
type Result = Outcome['result'];

/** A real receiving end on this machine. */
export interface Receiver {
  /** Settings that lead there, as coalmine.yaml would have them. */
  readonly settings: Settings;
  /** The records that have arrived, as text. */
  received(): readonly string[];
  /** The most requests or connections there have been at once. */
  atOnceMax?(): number;
  /** How many handles or connections the injector holds there now. */
  open?(): number;
  /** From now on nobody is there. */
  stop(): Promise<void>;
  /** Somebody is there again, at the same address; what had arrived is kept. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** An end that takes what comes and never answers, or answers only no. */
export interface BadEnd {
  readonly settings: Settings;
  /** Resolves once the injector has got as far as it ever will. */
  reached?(): Promise<void>;
  close(): Promise<void>;
}

export interface InjectorHarness {
  readonly definition: InjectorDefinition;
  receiver(): Promise<Receiver>;
  /** What an attempt gives when nobody is there. */
  readonly nobody: Result;
  readonly hanging?: () => Promise<BadEnd>;
  /** What a hang may give, when we give up and when its time is over; `maybe_sent` unless it hangs before anything left. */
  readonly hangs?: { readonly aborted: Result; readonly timedOut: Result };
  /** Canaries for a hang; three small ones unless given (a stream's buffers take those and call it done). */
  readonly hangWith?: () => Outgoing[];
  readonly refusing?: () => Promise<BadEnd>;
  /** What arrives for a canary; its event's text unless given. */
  readonly expected?: (canary: Outgoing) => string;
  /** What becomes of an event with a line feed in it. */
  readonly lineFeed: 'kept' | 'unsent';
  /** The bound on requests or connections at once. */
  readonly atOnceMax: number;
  /** How many canaries one call must be able to take. */
  readonly many?: number;
}

export const nodeContext: Context = {
  clock: {
    now: () => Date.now(),
    mono: () => performance.now(),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  },
  random: Math.random,
  fetch: (input, init) => fetch(input, init),
  log: () => {},
};

const token = (i: number): string => `coalmine1${i.toString(32).padStart(40, 'q')}`;

/** The `i`th canary of a test, with its event's text. */
export const outgoing = (i: number, text = `sign-in ${i} by canary, ${token(i)} it is`): Outgoing => {
  const uuid = `01890000-0000-8000-8000-${i.toString(16).padStart(12, '0')}`;
  const slotMs = 1_700_000_000_000 + i;
  const input = {
    token: token(i),
    uuid,
    slotMs,
    nowMs: slotMs,
    target: 'web-1',
    pipeline: 'p',
    user: 'canary',
    sourceIp: '192.0.2.1',
    sourcePort: 4711,
    host: 'web-1',
    userAgent: 'coalmine-test/1',
  };
  const event = { text, app: 'sshd', timeMs: slotMs, fields: {}, parts: [] };
  return { token: token(i), uuid, slotMs, target: 'web-1', event, input };
};

/** Waits for what another end of a socket will do soon. */
export const until = async (what: string, done: () => boolean): Promise<void> => {
  for (const start = performance.now(); !done(); await sleep(1)) {
    if (performance.now() - start > 5000) throw new Error(`waited 5 s in vain: ${what}`);
  }
};

const results = (outcomes: readonly Outcome[]): Result[] => outcomes.map(o => o.result);
const all = (n: number, result: Result): Result[] => new Array<Result>(n).fill(result);
const sorted = (texts: readonly string[]): string[] => [...texts].sort();

/** Texts that a careless framing, encoding or splitting would spoil. */
const HARD_TEXTS = [
  'plain ASCII',
  'Grüße, 你好, здравствуй, 👩‍👩‍👧‍👦 e\u0301',
  'separators \u2028 \u2029 \u0085 \u000b \u000c end',
  'escapes \\n \\r\\n \\u000a %0A &#10; \\\\ end',
  'quotes " \' ` ] [ } { < > & end',
  '{"json":"in \\"json\\"","n":1}',
  `long ${'x'.repeat(1200)}`,
];

export const injectorConformance = (name: string, harness: InjectorHarness): void => {
  describe(`${name} is an injector`, () => {
    const { definition } = harness;
    const expected = harness.expected ?? ((c: Outgoing) => c.event?.text ?? '');
    const never = new AbortController().signal;
    const cleanups: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });

    /** Waits that the injector has begun and not ended: one that outlives its call keeps the process alive. */
    let waits = 0;
    const counted: Context['clock'] = {
      ...nodeContext.clock,
      sleep: (ms, signal) => {
        waits++;
        return nodeContext.clock.sleep(ms, signal).finally(() => waits--);
      },
    };
    const make = async (settings: Settings): Promise<Injector> => {
      const ctx = { ...nodeContext, clock: counted };
      const injector = await definition.create(definition.schema.parse(settings), ctx);
      cleanups.push(() => injector.close());
      return injector;
    };
    const receiving = async () => {
      const receiver = await harness.receiver();
      cleanups.push(() => receiver.close());
      return { receiver, injector: await make(receiver.settings) };
    };
    const bad = async (open: () => Promise<BadEnd>, more: Settings = {}) => {
      const end = await open();
      cleanups.push(() => end.close());
      return { end, injector: await make({ ...end.settings, ...more }) };
    };
    const sayNoToken = (outcomes: readonly Outcome[]) =>
      expect(JSON.stringify(outcomes)).not.toMatch(/coalmine1[0-9a-z]{8}|01890000-0000-8000/);

    test('its settings are a strict, fully described object', () => {
      const json = z.toJSONSchema(definition.schema, { io: 'input' });
      expect(json.additionalProperties).toBe(false);
      const bare = Object.entries(json.properties ?? {}).filter(
        ([, p]) => !(p as { description?: string }).description,
      );
      expect(bare.map(([key]) => key)).toEqual([]);
    });

    test('nothing in, nothing out', async () => {
      const { injector } = await receiving();
      expect(await injector.inject([], never)).toEqual([]);
    });

    test('what is accepted arrives whole, once, and as it was', async () => {
      const { receiver, injector } = await receiving();
      const canaries = HARD_TEXTS.map((text, i) => outgoing(i, text));
      expect(results(await injector.inject(canaries, never))).toEqual(all(canaries.length, 'accepted'));
      await until('arrival', () => receiver.received().length >= canaries.length);
      expect(sorted(receiver.received())).toEqual(sorted(canaries.map(expected)));
      await new Promise(setImmediate);
      expect(waits).toBe(0);
    });

    test('a line feed never makes two records of one, and spoils no neighbour', async () => {
      const { receiver, injector } = await receiving();
      const canaries = [outgoing(1), outgoing(2, 'two\nlines'), outgoing(3)];
      const got = harness.lineFeed === 'kept' ? 'accepted' : 'unsent';
      expect(results(await injector.inject(canaries, never))).toEqual(['accepted', got, 'accepted']);
      const there = canaries.filter((_, i) => i !== 1 || got === 'accepted').map(expected);
      await until('arrival', () => receiver.received().length >= there.length);
      expect(sorted(receiver.received())).toEqual(sorted(there));
    });

    test('many at once: each arrives, within the bound on concurrency', async () => {
      const { receiver, injector } = await receiving();
      const canaries = Array.from({ length: harness.many ?? 2000 }, (_, i) => outgoing(i));
      expect(results(await injector.inject(canaries, never))).toEqual(all(canaries.length, 'accepted'));
      await until('arrival', () => receiver.received().length >= canaries.length);
      expect(sorted(receiver.received())).toEqual(sorted(canaries.map(expected)));
      expect(receiver.atOnceMax?.() ?? 0).toBeLessThanOrEqual(harness.atOnceMax);
    });

    test('calls may overlap', async () => {
      const { receiver, injector } = await receiving();
      const calls = [0, 1, 2, 3, 4].map(n => [outgoing(2 * n), outgoing(2 * n + 1)]);
      const outcomes = await Promise.all(calls.map(c => injector.inject(c, never)));
      expect(results(outcomes.flat())).toEqual(all(10, 'accepted'));
      await until('arrival', () => receiver.received().length >= 10);
      expect(sorted(receiver.received())).toEqual(sorted(calls.flat().map(expected)));
      expect(receiver.atOnceMax?.() ?? 0).toBeLessThanOrEqual(harness.atOnceMax);
    });

    test(`nobody there: ${harness.nobody}, and why, without a throw`, async () => {
      const { receiver, injector } = await receiving();
      await receiver.stop();
      const outcomes = await injector.inject([outgoing(1), outgoing(2)], never);
      expect(results(outcomes)).toEqual(all(2, harness.nobody));
      expect(outcomes.every(o => o.result !== 'accepted' && o.reason.length > 3)).toBe(true);
      if (harness.nobody === 'refused') expect(outcomes).toMatchObject([{ again: true }, { again: true }]);
      sayNoToken(outcomes);
    });

    test('after a restart of the other end it delivers again', async () => {
      const { receiver, injector } = await receiving();
      expect(results(await injector.inject([outgoing(1)], never))).toEqual(['accepted']);
      await until('arrival', () => receiver.received().length >= 1);
      await receiver.stop();
      await receiver.restart();
      let tries = 0;
      for (let last: Result = 'refused'; last !== 'accepted'; tries++) {
        [last] = results(await injector.inject([outgoing(2)], never)) as [Result];
        expect(tries).toBeLessThan(3);
      }
      await until('arrival', () => receiver.received().includes(expected(outgoing(2))));
    });

    test('stopped before it began: unsent, and nothing leaves', async () => {
      const { receiver, injector } = await receiving();
      expect(results(await injector.inject([outgoing(1), outgoing(2)], AbortSignal.abort()))).toEqual(
        all(2, 'unsent'),
      );
      expect(results(await injector.inject([outgoing(3)], never))).toEqual(['accepted']);
      await until('arrival', () => receiver.received().length >= 1);
      expect(receiver.received()).toEqual([expected(outgoing(3))]);
    });

    test('closing lets go of everything; afterwards nothing is sent', async () => {
      const { receiver, injector } = await receiving();
      await injector.inject([outgoing(1)], never);
      await injector.close();
      await injector.close();
      await until('handles let go', () => (receiver.open?.() ?? 0) === 0);
      expect(results(await injector.inject([outgoing(2)], never))).toEqual(['unsent']);
    });

    const { hanging, refusing } = harness;
    /** Only what the kind of end can do at all is asked of it. */
    const when = (possible: unknown): ((name: string, body: () => Promise<void>) => void) =>
      possible ? test : () => {};
    const hangs = harness.hangs ?? { aborted: 'maybe_sent', timedOut: 'maybe_sent' };
    const hangWith = harness.hangWith ?? (() => [outgoing(1), outgoing(2), outgoing(3)]);
    when(hanging)('an end that hangs: giving up is prompt and claims nothing', async () => {
      const { end, injector } = await bad(hanging!);
      const stop = new AbortController();
      const canaries = hangWith();
      const sending = injector.inject(canaries, stop.signal);
      await end.reached?.();
      const begun = performance.now();
      stop.abort();
      const outcomes = await sending;
      expect(performance.now() - begun).toBeLessThan(500);
      expect(outcomes).toHaveLength(canaries.length);
      expect(outcomes[0]?.result).toBe(hangs.aborted);
      expect(results(outcomes).filter(r => r !== hangs.aborted && r !== 'unsent')).toEqual([]);
    });

    when(hanging)('an end that hangs: closing ends what is in flight', async () => {
      const { end, injector } = await bad(hanging!);
      const sending = injector.inject(hangWith(), never);
      await end.reached?.();
      const begun = performance.now();
      await injector.close();
      expect((await sending)[0]?.result).toBe(hangs.aborted);
      expect(performance.now() - begun).toBeLessThan(500);
    });

    when(hanging)('an end that hangs: time runs out', async () => {
      const { injector } = await bad(hanging!, { timeout: '60ms' });
      const outcomes = await injector.inject(hangWith(), never);
      expect(outcomes[0]).toMatchObject({ result: hangs.timedOut, again: true });
      expect(results(outcomes).filter(r => r === 'accepted')).toEqual([]);
      sayNoToken(outcomes);
    });

    when(refusing)('an end that says no: refused, with its words, without our token', async () => {
      const { injector } = await bad(refusing!);
      const outcomes = await injector.inject([outgoing(1), outgoing(2)], never);
      expect(results(outcomes)).toEqual(all(2, 'refused'));
      sayNoToken(outcomes);
    });
  });
};
