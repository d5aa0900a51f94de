/**
 * Asks Grafana Loki by event time, in pages, until Loki itself shows the end (`lib/loki-paging.ts`). Loki has no record
 * ids, and drops a second entry of the same stream, time and line itself. It narrows a range that reaches further back
 * than its `max_query_lookback` without a word: the checkpoint's `keeps` must not exceed that.
 */
import { z } from 'zod';
import { basicAuth } from '../adapters/exchange.ts';
import { httpUrl, secret } from '../adapters/settings.ts';
import type { Context } from '../contracts/context.ts';
import { defineObserver } from '../contracts/define.ts';
import { SettingsError } from '../contracts/definition.ts';
import type { Found, Look, Observer } from '../contracts/observer.ts';
import { ask } from './lib/ask.ts';
import { budget, exhausted, failed, truncated } from './lib/end.ts';
import { entriesOf } from './lib/loki-answer.ts';
import { freshOf, LIMIT_MAX, startAt, stepAfter } from './lib/loki-paging.ts';
import { bodyBytesMax, pagesMax, timeout } from './lib/settings.ts';
import { quoted } from './lib/shell.ts';

const schema = z.strictObject({
  url: httpUrl.describe('Base address; /loki/api/v1/query_range is appended'),
  query: z.string().min(2).max(8192).describe('LogQL stream selector, with a pipeline where needed'),
  tenant: z.string().min(1).max(1024).optional().describe('Sent as X-Scope-OrgID'),
  bearer: secret.optional().describe('Token for an Authorization: Bearer header'),
  username: z.string().min(1).max(1024).optional().describe('Basic authentication, with `password`'),
  password: secret.optional().describe('Basic authentication, with `username`'),
  page_size: z.int().min(1).max(LIMIT_MAX).default(1000).describe('Entries asked for at once'),
  line_filter: z
    .boolean()
    .default(true)
    .describe(
      "Asks only for lines with the tokens' prefix, or with the canaries' identity; false where tokens stand in structured metadata or change case",
    ),
  timeout,
  body_bytes_max: bodyBytesMax,
  pages_max: pagesMax,
});
type Settings = z.output<typeof schema>;

const headersOf = (s: Settings): Record<string, string> => {
  if ((s.username === undefined) !== (s.password === undefined)) {
    throw new SettingsError('username and password go together: one of them is missing');
  }
  if (s.bearer !== undefined && s.username !== undefined) {
    throw new SettingsError('bearer and username both authenticate: keep one');
  }
  const authorization = s.bearer ? `Bearer ${s.bearer}` : basicAuth(s.username ?? '', s.password ?? '');
  return {
    accept: 'application/json',
    ...(s.tenant === undefined ? {} : { 'x-scope-orgid': s.tenant }),
    ...((s.bearer ?? s.username) ? { authorization } : {}),
  };
};

/** The most a look may reach back and ahead to see that the server gives larger pages than a doubtful one. */
const PROBE_NS = 86_400_000_000_000n;

/** RE2's own signs, as text. */
const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

const filterOf = ({ prefix, also = [] }: Look): string =>
  also.length === 0
    ? `|= ${JSON.stringify(prefix)}`
    : `|~ ${JSON.stringify([prefix, ...also].map(literal).join('|'))}`;

interface Range {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly limit: number;
}

const create = (s: Settings, ctx: Context): Observer => {
  const headers = headersOf(s);
  const base = s.url.replace(/\/+$/, '');

  /** Entries of one page, oldest first, or how the look ends instead. */
  const pageOf = async (range: Range, look: Look, signal: AbortSignal) => {
    const parameters = new URLSearchParams({
      query: s.line_filter ? `${s.query} ${filterOf(look)}` : s.query,
      start: String(range.startNs),
      end: String(range.endNs),
      limit: String(range.limit),
      direction: 'forward',
    });
    const url = `${base}/loki/api/v1/query_range?${parameters}`;
    const bounds = { timeoutMs: s.timeout, bodyBytesMax: s.body_bytes_max, signal };
    const got = await ask(ctx, { url, method: 'GET', headers }, bounds);
    if (!got.ok) return got.end;
    const { json, backendNowMs } = got.answer;
    const facts = backendNowMs === undefined ? {} : { backendNowMs };
    const entries = entriesOf(json, look.prefix);
    if (typeof entries === 'string') return failed(entries, facts);
    if (entries.some(e => e.ns < range.startNs || e.ns >= range.endNs)) {
      return failed('answered with entries outside the range that was asked', facts);
    }
    return { entries, facts };
  };

  async function* observe(look: Look, signal: AbortSignal): AsyncGenerator<Found> {
    if (look.by !== 'event') return yield failed(`Loki can be asked by event time only, not by ${look.by}`);
    const left = budget(look.limits);
    const endNs = BigInt(look.toMs) * 1_000_000n;
    let place = startAt(BigInt(look.fromMs) * 1_000_000n, s.page_size);
    let incomplete: string | undefined;
    for (let pages = 0; pages < s.pages_max; pages++) {
      const got = await pageOf({ ...place, endNs }, look, signal);
      if ('end' in got) return yield got;
      const { entries, facts } = got;
      const { taken, full } = left.take(freshOf(place, entries));
      if (taken.length > 0)
        yield { page: taken.map(({ text, ns }) => ({ text, eventMs: Number(ns / 1_000_000n) })) };
      if (full) return yield truncated(full, facts);
      let { kind, place: next } = stepAfter(place, entries, s.page_size);
      if (kind === 'doubt') {
        // Before and after it there may be more: a server that gives that isn't what ended the page.
        const limit = entries.length + 1;
        const wider: readonly Range[] = [
          { startNs: place.startNs - PROBE_NS, endNs: place.startNs + 1n, limit },
          { startNs: place.startNs, endNs: place.startNs + PROBE_NS, limit },
        ];
        kind = 'cut';
        for (const range of wider) {
          const probe = await pageOf(range, look, signal);
          if ('end' in probe) return yield probe;
          if (probe.entries.length > entries.length) kind = 'end';
          if (kind === 'end') break;
        }
      }
      if (kind === 'cut') {
        incomplete = `${entries.length} entries share the time stamp ${place.startNs}, and Loki gives no more at once`;
      }
      if (kind === 'end' || next.startNs >= endNs) {
        return yield incomplete ? truncated(incomplete, facts) : exhausted(facts);
      }
      place = next;
    }
    yield truncated(`more than ${s.pages_max} pages`);
  }

  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    observe,
    hunt: ({ fromMs, toMs }) =>
      `logcli query --from=${iso(fromMs)} --to=${iso(toMs)} --limit=0 ${quoted(s.query)}`,
    close: async () => undefined,
  };
};

export default defineObserver({
  kind: 'loki',
  summary: 'Asks Grafana Loki, or what speaks its query_range API, by event time',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { way: 'query', ingestTime: false, settleMs: 5_000, keepsMs: 7 * 86_400_000 },
  create,
});
