// What every notifier promises (src/contracts/notifier.ts), asked of each against a real receiving end.
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type Notice,
  type Notifier,
  type NotifierDefinition,
  Permanent,
  type Receipt,
  Retry,
} from '../../src/contracts/notifier.ts';
import { nodeContext, type Settings, until } from './injector.ts';

export type { Settings } from './injector.ts';
export { nodeContext, until } from './injector.ts';

/**
 * How an end answers.
 * - `yes`. `busy`: not now. `later`: not for 7 seconds, where it can say so. `no`: never. `hang`: not at all.
 * - `flood`: without end. `quote`: it says not now, and says back the secrets and whatever else it was told.
 */
export type Manner = 'yes' | 'busy' | 'later' | 'no' | 'hang' | 'flood' | 'quote';

/** One delivery as its receiver sees it, read by code that shares nothing with the notifier. */
export interface Delivery {
  /** What the receiver would tell a repetition by. */
  readonly key: string;
  /** What a person reads, as it stands there once everything is unescaped. */
  readonly shown: string;
  /** All that came over the wire, decoded as far as it has to be to find text in it. */
  readonly raw: string;
}

export interface NotifierEnd {
  readonly settings: Settings;
  /** From now on it answers so; `secrets` are what a quotation begins with. */
  answer(manner: Manner, secrets: readonly string[]): void;
  /** Deliveries that it said yes to. */
  delivered(): readonly Delivery[];
  /** How often it was asked, whatever it answered. */
  asked(): number;
  /** Incidents that it takes for open; absent where the channel knows no such thing. */
  open?(): readonly string[];
  /** From now on nobody is there. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export interface NotifierHarness {
  readonly definition: NotifierDefinition;
  end(): Promise<NotifierEnd>;
  /** Secrets among the end's settings. */
  readonly secrets: readonly string[];
  /** Whether the end can say how long to wait. */
  readonly saysWhen: boolean;
  /** What it is where nobody is there; `Retry` unless given. */
  readonly nobody?: typeof Permanent;
  /** The fewest characters of a long text, white space aside, that must get through. */
  readonly textMin: number;
  /** Throws where a delivery is larger than the channel takes. */
  readonly within: (delivery: Delivery) => void;
}

const TOKEN = `coalmine1${'abcdefgh234567'.repeat(3).slice(0, 40)}`;

/** A notice of incident `incident`, the `sequence`th. */
export const noticeOf = (incident: string, sequence: number, more: Partial<Notice> = {}): Notice => ({
  id: `${incident}-${sequence}`,
  incident,
  event: 'opened',
  sequence,
  kind: 'loss',
  concerns: 'loss',
  severity: 'critical',
  pipeline: { name: 'ssh-to-loki', title: 'SSH sign-ins → Loki' },
  checkpoint: 'loki',
  title: `4 of 10 canaries are missing at loki (${incident})`,
  text: `Since 14:05 UTC canaries of incident ${incident} don't come back.\nThey were last seen at archive.`,
  facts: [
    { label: 'Lost', value: '4 of 10' },
    { label: 'Targets', value: 'web-1, web-2' },
  ],
  url: `https://canary.example.com/incidents/${incident}`,
  beganMs: Date.UTC(2026, 2, 1, 14, 5),
  detectedMs: Date.UTC(2026, 2, 1, 14, 20),
  endedMs: null,
  atMs: Date.UTC(2026, 2, 1, 14, 21),
  chainHead: 'c0ffee',
  details: { id: 7, loss: { rate: { share: 0.4 } } },
  ...more,
});

const ended = { endedMs: Date.UTC(2026, 2, 1, 15, 0) };
const never = new AbortController().signal;
const HARD =
  'a "quote" \'tick\' <script>alert(1)</script> & &amp; *star* _low_ ~t~ `c` [l](http://x) 👩‍👩‍👧 é 你好 \\n \\u0041 end';

export const notifierConformance = (name: string, harness: NotifierHarness): void => {
  describe(`${name} is a notifier`, () => {
    const { definition } = harness;
    const cleanups: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });

    const make = async (settings: Settings): Promise<Notifier> => {
      const notifier = await definition.create(definition.schema.parse(settings), nodeContext);
      cleanups.push(() => notifier.close());
      return notifier;
    };
    const facing = async (manner: Manner = 'yes', more: Settings = {}) => {
      const end = await harness.end();
      cleanups.push(() => end.close());
      end.answer(manner, harness.secrets);
      return { end, notifier: await make({ ...end.settings, ...more }) };
    };
    const notify = (notifier: Notifier, notice: Notice, previous: Receipt | null = null, signal = never) =>
      notifier.notify(notice, previous, signal);
    const failure = async (work: Promise<unknown>): Promise<Retry | Permanent> => {
      const error = await work.then(
        () => undefined,
        e => e,
      );
      expect(error instanceof Retry || error instanceof Permanent, String(error)).toBe(true);
      const { message } = error as Error;
      expect(message.length).toBeGreaterThan(10);
      expect(message.length).toBeLessThan(600);
      for (const secret of harness.secrets) expect(message).not.toContain(secret);
      expect(message.toLowerCase()).not.toContain(TOKEN.slice(0, 20));
      return error as Retry | Permanent;
    };

    test('its settings are a strict, fully described object', () => {
      const json = z.toJSONSchema(definition.schema, { io: 'input' });
      expect(json.additionalProperties).toBe(false);
      const bare = Object.entries(json.properties ?? {}).filter(
        ([, p]) => !(p as { description?: string }).description,
      );
      expect(bare.map(([key]) => key)).toEqual([]);
    });

    test('it delivers, and the receipt outlives being stored', async () => {
      const { end, notifier } = await facing();
      const receipt = await notify(notifier, noticeOf('i1', 1));
      expect(end.delivered()).toHaveLength(1);
      expect(end.delivered()[0]?.shown).toContain('4 of 10 canaries are missing at loki (i1)');
      const stored = JSON.parse(JSON.stringify(receipt)) as Receipt;
      expect(stored).toEqual(receipt);
      expect(JSON.stringify(stored).length).toBeLessThan(8192);
      await notify(notifier, noticeOf('i1', 2, { event: 'worsened' }), stored);
      await notify(notifier, noticeOf('i1', 3, { event: 'resolved', ...ended }), stored);
      expect(end.delivered()).toHaveLength(3);
    });

    test('every event is told, whether or not the receipt was lost', async () => {
      for (const event of ['worsened', 'reminder', 'resolved', 'summary', 'test'] as const) {
        const { notifier } = await facing();
        const over = event === 'resolved' || event === 'summary' ? ended : {};
        await notify(notifier, noticeOf('i1', 4, { event, ...over }));
      }
    });

    test('the same notice twice carries the same key, another notice of it is not lost', async () => {
      const { end, notifier } = await facing();
      await notify(notifier, noticeOf('i1', 1));
      await notify(notifier, noticeOf('i1', 1));
      await notify(notifier, noticeOf('i2', 1));
      const keys = end.delivered().map(d => d.key);
      expect(new Set(keys).size).toBe(2);
      expect(keys.every(key => key.length > 0)).toBe(true);
    });

    test('busy, then not: Retry, then delivered', async () => {
      const { end, notifier } = await facing('busy');
      expect(await failure(notify(notifier, noticeOf('i1', 1)))).toBeInstanceOf(Retry);
      expect(end.delivered()).toEqual([]);
      end.answer('yes', []);
      await notify(notifier, noticeOf('i1', 1));
      expect(end.delivered()).toHaveLength(1);
    });

    if (harness.saysWhen) {
      test('how long it says to wait comes with the Retry', async () => {
        const { notifier } = await facing('later');
        const error = await failure(notify(notifier, noticeOf('i1', 1)));
        expect(error).toBeInstanceOf(Retry);
        expect((error as Retry).afterMs).toBe(7000);
      });
    }

    test('a clear no is Permanent, and says what to do', async () => {
      const { notifier } = await facing('no');
      const error = await failure(notify(notifier, noticeOf('i1', 1)));
      expect(error).toBeInstanceOf(Permanent);
      expect(error.message).toMatch(/check|make|set|did not/);
    });

    test('nobody there: Retry', async () => {
      const { end, notifier } = await facing();
      await end.stop();
      const error = await failure(notify(notifier, noticeOf('i1', 1)));
      expect(error).toBeInstanceOf(harness.nobody ?? Retry);
    });

    test('an end that hangs: giving up, closing and running out of time are all prompt', async () => {
      const promptly = async (settings: Settings, stop: (n: Notifier, by: AbortController) => unknown) => {
        const { end, notifier } = await facing('hang', settings);
        const by = new AbortController();
        const failing = failure(notify(notifier, noticeOf('i1', 1), null, by.signal));
        await until('it is asked', () => end.asked() > 0);
        const begun = performance.now();
        await stop(notifier, by);
        expect(await failing).toBeInstanceOf(Retry);
        expect(performance.now() - begun).toBeLessThan(1000);
      };
      await promptly({}, (_, by) => by.abort());
      await promptly({}, notifier => notifier.close());
      await promptly({ timeout: '300ms' }, () => {});
    });

    test('stopped before it began, or closed: Retry, and nothing leaves', async () => {
      const { end, notifier } = await facing();
      const stopped = notify(notifier, noticeOf('i1', 1), null, AbortSignal.abort());
      expect(await failure(stopped)).toBeInstanceOf(Retry);
      await notifier.close();
      await notifier.close();
      expect(await failure(notify(notifier, noticeOf('i1', 1)))).toBeInstanceOf(Retry);
      expect(end.asked()).toBe(0);
    });

    test('an answer without end is bounded', async () => {
      const { notifier } = await facing('flood');
      const begun = performance.now();
      await failure(notify(notifier, noticeOf('i1', 1)));
      expect(performance.now() - begun).toBeLessThan(3000);
    });

    test('an end that quotes us learns no token and gets no secret into our messages', async () => {
      const { end, notifier } = await facing('quote');
      const told = {
        title: `seen ${TOKEN} at loki`,
        text: `Loki says ${TOKEN.toUpperCase()}`,
        facts: [{ label: TOKEN, value: TOKEN }],
        details: { sample: [{ line: TOKEN }] },
      };
      const error = await failure(notify(notifier, noticeOf('i1', 1, told)));
      expect(error).toBeInstanceOf(Retry);
      expect(end.asked()).toBeGreaterThan(0);
      end.answer('yes', []);
      await notify(notifier, noticeOf('i1', 1, told));
      for (const { raw } of end.delivered()) expect(raw.toLowerCase()).not.toContain(TOKEN.slice(0, 25));
    });

    test('hard text survives as it is', async () => {
      const { end, notifier } = await facing();
      const facts = [{ label: 'F <b> & "q"', value: `in a fact ${HARD}` }];
      const told = { title: `in the title ${HARD}`, text: `first\nin the text ${HARD}\nlast`, facts };
      await notify(notifier, noticeOf('i1', 1, told));
      const [delivery] = end.delivered();
      for (const place of ['title', 'text']) expect(delivery?.shown).toContain(`in the ${place} ${HARD}`);
      expect(delivery?.shown).toContain(`in a fact ${HARD}`);
      expect(delivery?.shown).toContain('F <b> & "q"');
      harness.within(delivery!);
    });

    test.each([
      ['letters', 'x'.repeat(10_000), 1],
      ['angles', '<'.repeat(10_000), 1],
      ['quotes', '"\\'.repeat(5000), 1],
      ['emoji', '👩‍👩‍👧'.repeat(1250), 1],
      ['Chinese', '你好'.repeat(5000), 1],
      ['lines', 'a\n'.repeat(5000), 0.5],
      ['control characters', '\u0000\u0007\u001b[31m\r\n\t\u009f'.repeat(1000), 0],
      ['half characters', '\ud83d'.repeat(10_000), 0],
    ])('ten thousand characters fit: %s', async (_, text, share) => {
      const { end, notifier } = await facing();
      const facts = Array.from({ length: 60 }, (_, i) => ({ label: `fact ${i}`, value: text.slice(0, 800) }));
      await notify(notifier, noticeOf('i1', 1, { title: text.slice(0, 200), text, facts }));
      const [delivery] = end.delivered();
      harness.within(delivery!);
      for (const control of ['\u0000', '\u0007', '\u001b']) expect(delivery!.raw).not.toContain(control);
      const least = text.replace(/\s+/g, '').slice(0, harness.textMin * share);
      expect(delivery!.shown.replace(/\s+/g, '').includes(least), `${least.length} characters of it`).toBe(
        true,
      );
    });

    test('it resolves its own incident only', async () => {
      const { end, notifier } = await facing();
      const first = await notify(notifier, noticeOf('i1', 1));
      await notify(notifier, noticeOf('i2', 1));
      if (end.open) expect([...end.open()].sort()).toEqual(['i1', 'i2']);
      await notify(notifier, noticeOf('i1', 2, { event: 'resolved', ...ended }), first);
      if (end.open) expect(end.open()).toEqual(['i2']);
      expect(end.delivered().at(-1)?.raw).not.toContain('i2');
    });
  });
};
