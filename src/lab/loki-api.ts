/**
 * The part of Loki's HTTP API that pushes and asks, as Loki 3 answers it
 * (https://grafana.com/docs/loki/latest/reference/loki-http-api/): errors are plain text, an entry's structured
 * metadata appears among the labels of its stream, `end` is exclusive, answers carry at most `limit` entries.
 */
import { type Context, Hono } from 'hono';
import { isObject, readText } from './http.ts';
import type { Incoming, LogStore } from './log-store.ts';
import { LogQlError, parseLogQl } from './logql.ts';
import type { Labels } from './loki-push.ts';
import { lokiTimeNs } from './loki-time.ts';
import { underFaults } from './query-faults.ts';
import type { Entry, Range } from './stream.ts';
import { happens, type World } from './world.ts';

const LIMIT = 100;
const LIMIT_MAX = 5_000;
const HOUR_NS = 3_600_000_000_000n;
/** Whom Loki takes an unnamed tenant for. */
const TENANT = 'fake';

export function lokiApi(world: World, store: LogStore): Hono {
  const app = new Hono();
  app.get('/ready', c => c.text('ready\n'));
  app.post('/loki/api/v1/push', c => push(c, world, store));
  app.get('/loki/api/v1/query_range', c => queryRange(c, world, store));
  app.get('/loki/api/v1/labels', c => labels(c, world, store));
  app.get('/loki/api/v1/label/:name/values', c => labels(c, world, store, c.req.param('name')));
  return app;
}

export const tenantOf = (c: Context): string => c.req.header('x-scope-orgid') ?? TENANT;

async function push(c: Context, world: World, store: LogStore): Promise<Response> {
  if (happens(world, world.faults.get().store.pushFail))
    return c.text('at least 1 live replicas required', 500);
  const incoming = readPush(await readText(c));
  if (typeof incoming === 'string') return c.text(incoming, 400);
  const { full, refused } = store.push(tenantOf(c), incoming);
  if (full) return c.text('ingestion rate limit exceeded', 429, { 'retry-after': '1' });
  return refused.length > 0 ? c.text(refused.slice(0, 10).join('\n'), 400) : c.body(null, 204);
}

/** The entries of a push, or why it can't be read. */
function readPush(body: string): Incoming[] | string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return 'expected JSON {"streams": […]}; protobuf bodies are not read here';
  }
  if (!isObject(value) || !Array.isArray(value.streams)) return 'expected {"streams": […]}';
  const out: Incoming[] = [];
  for (const item of value.streams) {
    if (!isObject(item) || !isLabels(item.stream) || !Array.isArray(item.values))
      return 'expected each stream to be {"stream": {label: text}, "values": [[ns, line]]}';
    if (Object.keys(item.stream).length === 0) return 'error at least one label pair is required per stream';
    for (const entry of item.values) {
      if (!Array.isArray(entry) || !/^\d{1,19}$/.test(String(entry[0])) || typeof entry[1] !== 'string')
        return 'expected each value to be ["<nanoseconds>", "line", {metadata}?]';
      const metadata: unknown = entry[2] ?? {};
      if (!isLabels(metadata)) return 'expected structured metadata to be {name: text}';
      out.push({ labels: item.stream, ns: BigInt(String(entry[0])), line: entry[1], metadata });
    }
  }
  return out;
}

const isLabels = (value: unknown): value is Labels =>
  isObject(value) && Object.values(value).every(text => typeof text === 'string');

async function queryRange(c: Context, world: World, store: LogStore): Promise<Response> {
  const asked = await underFaults(c, world, store);
  if (asked instanceof Response) return asked;
  const range = readRange(c, store);
  if (typeof range === 'string') return c.text(range, 400);
  try {
    const query = parseLogQl(c.req.query('query') ?? '');
    const capped = { ...range, limit: Math.min(range.limit, asked.recordsMax) };
    const found = asked.shown(store.select(tenantOf(c), query, capped, asked.asOfMono));
    return c.json({ status: 'success', data: { resultType: 'streams', result: byStream(found), stats: {} } });
  } catch (error) {
    if (error instanceof LogQlError) return c.text(error.message, 400);
    throw error;
  }
}

function readRange(c: Context, store: LogStore): Range | string {
  const nowNs = BigInt(Math.floor(store.now())) * 1_000_000n;
  const times: { start: bigint; end: bigint } = { start: 0n, end: nowNs };
  for (const name of ['end', 'start'] as const) {
    const text = c.req.query(name);
    const ns = text === undefined ? (name === 'end' ? nowNs : times.end - HOUR_NS) : lokiTimeNs(text);
    if (ns === undefined) return `cannot parse "${text}" to a valid timestamp`;
    times[name] = ns;
  }
  if (times.end <= times.start) return 'end timestamp must not be before or equal to start time';
  const limit = Number(c.req.query('limit') ?? LIMIT);
  if (!Number.isInteger(limit) || limit <= 0) return 'limit must be a positive value';
  if (limit > LIMIT_MAX)
    return `max entries limit per query exceeded, limit > max_entries_limit_per_query (${limit} > ${LIMIT_MAX})`;
  const direction = (c.req.query('direction') ?? 'backward').toLowerCase();
  if (direction !== 'forward' && direction !== 'backward') return `invalid direction '${direction}'`;
  return { startNs: times.start, endNs: times.end, limit, backward: direction === 'backward' };
}

function byStream(entries: readonly Entry[]): { stream: Labels; values: [string, string][] }[] {
  const out = new Map<string, { stream: Labels; values: [string, string][] }>();
  for (const { stream, metadata, ns, line } of entries) {
    const labels = { ...stream.labels, ...metadata };
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const group = out.get(key) ?? { stream: labels, values: [] };
    group.values.push([String(ns), line]);
    out.set(key, group);
  }
  return [...out.values()];
}

async function labels(c: Context, world: World, store: LogStore, name?: string): Promise<Response> {
  const asked = await underFaults(c, world, store);
  if (asked instanceof Response) return asked;
  return c.json({ status: 'success', data: asked.shown(store.labels(tenantOf(c), name)) });
}
