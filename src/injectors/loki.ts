// Pushes written events to Loki. Only 204 means that it took them: while ingestion is blocked it answers 260 or 200.
import { z } from 'zod';
import { type Answer, basicAuth, wordsOfAnswer } from '../adapters/exchange.ts';
import { headerValue, httpUrl, secret } from '../adapters/settings.ts';
import type { Context } from '../contracts/context.ts';
import { defineInjector } from '../contracts/define.ts';
import { SettingsError } from '../contracts/definition.ts';
import type { Injector, Outcome, Outgoing } from '../contracts/injector.ts';
import { createLanes, portions } from './lib/batches.ts';
import { createCalls } from './lib/calls.ts';
import { attempt, refusal } from './lib/http.ts';
import { timeout } from './lib/settings.ts';

const PUSH_BYTES_MAX = 1_048_576;
/** A timestamp, a token as metadata, and what holds them. */
const ENTRY_BYTES = 128;
const ANSWER_BYTES_MAX = 65_536;
const PUSHES_AT_ONCE = 4;
/** A clock that was set back further than this is followed; below it timestamps go on from the last. */
const AHEAD_MAX_NS = 60_000_000_000n;

const schema = z.strictObject({
  url: httpUrl.describe('Base URL of Loki; /loki/api/v1/push is added'),
  tenant: headerValue.min(1).optional().describe('X-Scope-OrgID, where Loki has tenants'),
  labels: z
    .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'expected a label name'), z.string().max(2048))
    .refine(labels => Object.keys(labels).length > 0, 'expected at least one label')
    .default({ job: 'coalmine', host: '{{target}}' })
    .describe('Labels of the stream; {{target}} stands for the name of the target'),
  token_in: z
    .enum(['line', 'metadata'])
    .default('line')
    .describe('`line`: only where the event has it; `metadata`: as structured metadata coalmine_token, too'),
  basic: z
    .strictObject({ username: z.string(), password: secret })
    .optional()
    .describe('HTTP Basic credentials'),
  bearer_token: secret.optional().describe('Token for an Authorization: Bearer header'),
  batch: z.int().min(1).max(10_000).default(1000).describe('Events in one push, at most'),
  timeout,
});
type Settings = z.output<typeof schema>;

type Entry = readonly [ns: string, line: string, metadata?: Readonly<Record<string, string>>];

/** Nanoseconds, each later than the one before: Loki tells entries of a stream apart by time and line. */
const stamps = (ctx: Context) => {
  let last = 0n;
  return (): string => {
    const now = BigInt(Math.trunc(ctx.clock.now())) * 1_000_000n;
    last = now > last || last - now > AHEAD_MAX_NS ? now : last + 1n;
    return String(last);
  };
};

const labelsOf = (s: Settings, target: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(s.labels).map(([name, value]) => [name, value.replaceAll('{{target}}', target)]),
  );

const bodyOf = (canaries: readonly Outgoing[], s: Settings, stamp: () => string): string => {
  const streams = new Map<string, { stream: Record<string, string>; values: Entry[] }>();
  for (const canary of canaries) {
    const stream = labelsOf(s, canary.target);
    const key = JSON.stringify(stream);
    const at = streams.get(key) ?? { stream, values: [] };
    streams.set(key, at);
    const line = canary.event?.text ?? '';
    at.values.push(
      s.token_in === 'line' ? [stamp(), line] : [stamp(), line, { coalmine_token: canary.token }],
    );
  }
  return JSON.stringify({ streams: [...streams.values()] });
};

/** About how much a canary adds to a push. */
const bytesOf = (canary: Outgoing): number =>
  new TextEncoder().encode(JSON.stringify(canary.event?.text ?? '')).byteLength + ENTRY_BYTES;

/** Authorization and tenant, as headers. */
const headersOf = (s: Settings): Record<string, string> => {
  const bearer = s.bearer_token && `Bearer ${s.bearer_token}`;
  const authorization = s.basic === undefined ? bearer : basicAuth(s.basic.username, s.basic.password);
  return {
    'content-type': 'application/json',
    ...(s.tenant === undefined ? {} : { 'x-scope-orgid': s.tenant }),
    ...(authorization === undefined ? {} : { authorization }),
  };
};

/**
 * A push of many may be taken in part. The answer then tells, for one of its streams, how many were not taken, but
 * not which (Loki, pkg/ingester/stream.go); too old ones among others get a 400 without a count.
 */
const takenInPart = ({ status, text }: Answer, count: number): boolean => {
  if (count === 1 || (status !== 400 && status !== 429)) return false;
  const [, ignored, of] = /total ignored: (\d+) out of (\d+)/.exec(text) ?? [];
  if (ignored === undefined) return status === 400;
  return Number(ignored) < count || ignored !== of;
};

const outcomeOf = (answer: Answer, count: number, nowMs: number): Outcome => {
  if (answer.status === 204) return { result: 'accepted' };
  const reason = wordsOfAnswer(answer);
  if (answer.status >= 200 && answer.status <= 299) {
    return { result: 'refused', reason: `ingestion blocked? expected 204, found ${reason}` };
  }
  if (takenInPart(answer, count)) return { result: 'maybe_sent', reason: `taken in part: ${reason}` };
  return refusal(answer, nowMs);
};

const create = (s: Settings, ctx: Context): Injector => {
  if (s.basic !== undefined && s.bearer_token !== undefined) {
    throw new SettingsError('basic and bearer_token: expected one of them, found both');
  }
  const url = `${s.url.replace(/\/+$/, '')}/loki/api/v1/push`;
  const headers = headersOf(s);
  const calls = createCalls();
  const lanes = createLanes(PUSHES_AT_ONCE);
  const stamp = stamps(ctx);

  const push = async (part: readonly Outgoing[], signal: AbortSignal): Promise<Outcome[]> => {
    const ask = { url, method: 'POST', headers, body: bodyOf(part, s, stamp) };
    const got = await attempt(ctx, ask, { timeoutMs: s.timeout, bodyBytesMax: ANSWER_BYTES_MAX, signal });
    const outcome = 'outcome' in got ? got.outcome : outcomeOf(got.answer, part.length, ctx.clock.now());
    return part.map(() => outcome);
  };

  return {
    async inject(canaries, signal) {
      const limits = { countMax: s.batch, bytesMax: PUSH_BYTES_MAX };
      const pushes = portions(canaries, limits, bytesOf);
      const outcomes = await calls.run(signal, stop => lanes.map(pushes, stop, part => push(part, stop)));
      return outcomes.flat();
    },
    async close() {
      calls.stop();
    },
  };
};

export default defineInjector({
  kind: 'loki',
  summary: 'Pushes events to Grafana Loki',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { events: 'written' },
  create,
});
