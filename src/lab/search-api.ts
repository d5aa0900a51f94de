/**
 * A search API of no vendor's making, for an observer that speaks plain HTTP and JSON:
 * `POST /lab/search {prefix, from, to, by, page_size, after, job?}` → `{hits, next}`. Half open, [from, to), in the
 * order of the time asked by; `next` is null when there is no more.
 */
import { type Context, Hono } from 'hono';
import { BadRequest, isObject, parseJson, readCount, readText, readTimeMs } from './http.ts';
import type { LogStore } from './log-store.ts';
import { tenantOf } from './loki-api.ts';
import { underFaults } from './query-faults.ts';
import type { Entry } from './stream.ts';
import type { World } from './world.ts';

export function searchApi(world: World, store: LogStore): Hono {
  return new Hono().post('/lab/search', c => search(c, world, store));
}

interface Search {
  readonly prefix: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly by: 'ingest' | 'event';
  readonly job: string | undefined;
  readonly after: { readonly ms: number; readonly id: number } | undefined;
  readonly pageSize: number;
}

interface Placed {
  readonly ms: number;
  readonly entry: Entry;
}

async function search(c: Context, world: World, store: LogStore): Promise<Response> {
  const asked = await underFaults(c, world, store);
  if (asked instanceof Response) return asked;
  const ask = readSearch(parseJson(await readText(c)));
  const pageSize = Math.min(ask.pageSize, asked.recordsMax);
  const matching = select(store.scan(tenantOf(c), asked.asOfMono), ask);
  const page = matching.slice(0, pageSize);
  const shown = asked.shown(page);
  const more = matching.length > pageSize && shown.length === page.length;
  const last = shown.at(-1);
  return c.json({ hits: shown.map(hit), next: more && last ? `${last.ms}:${last.entry.id}` : null });
}

function select(entries: Iterable<Entry>, ask: Search): Placed[] {
  const out: Placed[] = [];
  for (const entry of entries) {
    const ms = ask.by === 'ingest' ? entry.ingestedMs : Number(entry.ns / 1_000_000n);
    if (ms < ask.fromMs || ms >= ask.toMs) continue;
    if (ask.after && (ms < ask.after.ms || (ms === ask.after.ms && entry.id <= ask.after.id))) continue;
    if (ask.job !== undefined && entry.stream.labels.job !== ask.job) continue;
    if (entry.line.toLowerCase().includes(ask.prefix)) out.push({ ms, entry });
  }
  return out.sort((a, b) => a.ms - b.ms || a.entry.id - b.entry.id);
}

function hit({ entry }: Placed) {
  return {
    id: String(entry.id),
    ingested_at: new Date(entry.ingestedMs).toISOString(),
    event_time: new Date(Number(entry.ns / 1_000_000n)).toISOString(),
    job: entry.stream.labels.job ?? null,
    source: sourceOf(entry.line),
  };
}

/** The record itself: its JSON, or the line as `message`. */
function sourceOf(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    if (isObject(value)) return value;
  } catch {
    // Not JSON: a line of text.
  }
  return { message: line };
}

function readSearch(body: unknown): Search {
  if (!isObject(body)) throw new BadRequest('expected {prefix, from, to, by, page_size, after}');
  const fromMs = readTimeMs('from', body.from);
  const toMs = readTimeMs('to', body.to);
  if (fromMs === undefined || toMs === undefined)
    throw new BadRequest('from, to: expected Unix milliseconds or RFC 3339');
  const by = body.by ?? 'ingest';
  if (by !== 'ingest' && by !== 'event') throw new BadRequest('by: expected "ingest" or "event"');
  const after = /^(-?\d+(?:\.\d+)?):(\d+)$/.exec(String(body.after ?? ''));
  if (body.after != null && body.after !== '' && !after)
    throw new BadRequest('after: expected the `next` of the page before');
  return {
    prefix: String(body.prefix ?? '').toLowerCase(),
    fromMs,
    toMs,
    by,
    job: body.job == null ? undefined : String(body.job),
    after: after ? { ms: Number(after[1]), id: Number(after[2]) } : undefined,
    pageSize: readCount('page_size', body.page_size, { min: 1, max: 5000, or: 100 }),
  };
}
