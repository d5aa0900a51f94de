// Posts written events to any HTTP endpoint, one to a request or many. The status is the first hop's word.
import { z } from 'zod';
import { wordsOfAnswer } from '../adapters/exchange.ts';
import { headerName, headerValue, httpUrl, secret } from '../adapters/settings.ts';
import type { Context } from '../contracts/context.ts';
import { defineInjector } from '../contracts/define.ts';
import { SettingsError } from '../contracts/definition.ts';
import type { Injector, Outcome, Outgoing } from '../contracts/injector.ts';
import { createLanes, portions } from './lib/batches.ts';
import { createCalls } from './lib/calls.ts';
import { attempt, refusal } from './lib/http.ts';
import { timeout } from './lib/settings.ts';

const REQUESTS_AT_ONCE = 32;
const ANSWER_BYTES_MAX = 65_536;
const CONTENT_TYPES = {
  event: 'text/plain; charset=utf-8',
  'json-array': 'application/json',
  ndjson: 'application/x-ndjson',
} as const;

const schema = z.strictObject({
  url: httpUrl.describe('Where events are taken'),
  method: z.enum(['POST', 'PUT', 'PATCH']).default('POST').describe('HTTP method'),
  headers: z.record(headerName, headerValue).default({}).describe('Headers of every request'),
  bearer_token: secret.optional().describe('Token for an Authorization: Bearer header'),
  body: z
    .enum(['event', 'json-array', 'ndjson'])
    .default('event')
    .describe('`event`: the event itself; `json-array`, `ndjson`: many in one request'),
  template: z
    .string()
    .max(8192)
    .optional()
    .describe('Wraps each event. {{json}}: the event as a JSON value, {{text}}, {{target}}, {{time_ms}}'),
  content_type: headerValue.optional().describe('Content-Type; the usual one of `body` unless given'),
  batch: z.int().min(1).max(1000).default(1).describe('Events in one request, at most'),
  body_bytes_max: z
    .int()
    .min(256)
    .max(16_777_216)
    .default(1_048_576)
    .describe('Bytes of one request, at most'),
  accept: z
    .array(z.int().min(200).max(299))
    .min(1)
    .optional()
    .describe('The only statuses that mean accepted; any 2xx unless given'),
  gzip: z.boolean().default(false).describe('Compress requests'),
  timeout,
  concurrency: z
    .int()
    .min(1)
    .max(256)
    .default(REQUESTS_AT_ONCE)
    .describe('Requests under way at once, at most'),
});
type Settings = z.output<typeof schema>;

interface Piece {
  readonly text: string;
  readonly bytes: number;
}

const jsonOf = (canary: Outgoing): string =>
  canary.event?.json === undefined ? JSON.stringify(canary.event?.text ?? '') : canary.event.text;

/** One canary as it stands in a body. */
const pieceOf = (canary: Outgoing, s: Settings): Piece => {
  const event = canary.event?.text ?? '';
  const values: Record<string, string> = {
    json: jsonOf(canary),
    text: event,
    target: canary.target,
    time_ms: String(canary.event?.timeMs ?? canary.slotMs),
  };
  const plain = s.body === 'event' ? event : jsonOf(canary);
  const text =
    s.template?.replace(/\{\{(json|text|target|time_ms)\}\}/g, (_, key) => values[key] ?? '') ?? plain;
  return { text, bytes: new TextEncoder().encode(text).byteLength + 1 };
};

const bodyOf = (pieces: readonly Piece[], s: Settings): string => {
  const texts = pieces.map(p => p.text);
  if (s.body === 'json-array') return `[${texts.join(',')}]`;
  return s.body === 'ndjson' ? texts.map(t => `${t}\n`).join('') : texts.join('');
};

const gzip = async (text: string): Promise<Uint8Array<ArrayBuffer>> => {
  const zipped = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(zipped).arrayBuffer());
};

const headersOf = (s: Settings): Record<string, string> => ({
  'content-type': s.content_type ?? CONTENT_TYPES[s.body],
  ...(s.gzip ? { 'content-encoding': 'gzip' } : {}),
  ...(s.bearer_token === undefined ? {} : { authorization: `Bearer ${s.bearer_token}` }),
  ...s.headers,
});

const create = (s: Settings, ctx: Context): Injector => {
  if (s.body === 'event' && s.batch > 1) {
    throw new SettingsError(
      `batch: ${s.batch} needs body: ndjson or json-array, since body: event sends one event in a request`,
    );
  }
  const calls = createCalls();
  const lanes = createLanes(s.concurrency);
  const headers = headersOf(s);

  const post = async (pieces: readonly Piece[], signal: AbortSignal): Promise<Outcome> => {
    const bytes = pieces.reduce((sum, p) => sum + p.bytes, 0);
    if (bytes > s.body_bytes_max) {
      return {
        result: 'unsent',
        reason: `the event has ${bytes} bytes, body_bytes_max is ${s.body_bytes_max}`,
      };
    }
    const text = bodyOf(pieces, s);
    const body = s.gzip ? await gzip(text) : text;
    const bounds = { timeoutMs: s.timeout, bodyBytesMax: ANSWER_BYTES_MAX, signal };
    const got = await attempt(ctx, { url: s.url, method: s.method, headers, body }, bounds);
    if ('outcome' in got) return got.outcome;
    const { status } = got.answer;
    if (s.accept?.includes(status) ?? (status >= 200 && status <= 299)) return { result: 'accepted' };
    return status <= 299 && status >= 200
      ? { result: 'refused', reason: `${wordsOfAnswer(got.answer)}; accept lists ${s.accept?.join(', ')}` }
      : refusal(got.answer, ctx.clock.now());
  };

  return {
    async inject(canaries, signal) {
      const pieces = canaries.map(c => pieceOf(c, s));
      const limits = { countMax: s.body === 'event' ? 1 : s.batch, bytesMax: s.body_bytes_max };
      const batches = portions(pieces, limits, p => p.bytes);
      const postAll = async (batch: readonly Piece[], stop: AbortSignal) => {
        const outcome = await post(batch, stop);
        return batch.map(() => outcome);
      };
      const outcomes = await calls.run(signal, stop =>
        lanes.map(batches, stop, batch => postAll(batch, stop)),
      );
      return outcomes.flat();
    },
    async close() {
      calls.stop();
    },
  };
};

export default defineInjector({
  kind: 'http',
  summary: 'Posts events to any HTTP endpoint',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { events: 'written' },
  create,
});
