/**
 * A JSON value as the records it wraps. The envelopes that shippers use are known by form; of any other value, the
 * smallest part that holds one token is the record. Pure.
 */
import { findInText } from '../domain/finder.ts';

export interface Piece {
  readonly text: string;
  /** What stood directly around it, where that belongs to this record alone. */
  readonly outer?: unknown;
  readonly recordId?: string;
  readonly eventMs?: number;
}

type Branch = Readonly<Record<string, unknown>>;

const DEPTH_MAX = 16;

const isBranch = (v: unknown): v is Branch => typeof v === 'object' && v !== null && !Array.isArray(v);
const branches = (v: unknown): Branch[] => (Array.isArray(v) ? v.filter(isBranch) : []);
const asText = (v: unknown): string => (typeof v === 'string' ? v : (JSON.stringify(v) ?? ''));

export function* piecesOf(value: unknown, depth = 0): Generator<Piece> {
  if (depth > DEPTH_MAX) return;
  if (Array.isArray(value)) {
    for (const element of value) yield* piecesOf(element, depth + 1);
    return;
  }
  if (!isBranch(value)) {
    yield { text: asText(value) };
    return;
  }
  const unwrapped = unwrap(value);
  if (unwrapped) {
    for (const piece of unwrapped) yield* narrowed(piece, depth);
    return;
  }
  const text = asText(value);
  if (tokensIn(text) <= 1) {
    yield { text };
    return;
  }
  for (const inner of Object.values(value)) yield* piecesOf(inner, depth + 1);
}

/** An envelope's record may be a batch itself. */
function* narrowed(piece: Piece & { readonly value?: unknown }, depth: number): Generator<Piece> {
  const { value, ...rest } = piece;
  if (typeof value === 'object' && value !== null && tokensIn(rest.text) > 1)
    yield* piecesOf(value, depth + 1);
  else yield rest;
}

const tokensIn = (text: string): number => new Set(findInText(text).map(f => f.token)).size;

type Unwrapped = (Piece & { readonly value?: unknown })[];

function unwrap(value: Branch): Unwrapped | undefined {
  if (Array.isArray(value.streams)) return fromLoki(value);
  if (Array.isArray(value.resourceLogs)) return fromOtlp(value);
  if (Array.isArray(value.logEvents)) return fromCloudWatch(value);
  if ('event' in value && HEC_BESIDE.some(key => key in value))
    return [{ text: asText(value.event), value: value.event, outer: value }];
  // CloudTrail's files, and Azure's diagnostic settings.
  const list = value.Records ?? value.records;
  if (Array.isArray(list)) return list.map(r => ({ text: asText(r), value: r }));
  return undefined;
}

/** What Splunk's HTTP event collector has beside `event`. */
const HEC_BESIDE = ['time', 'host', 'source', 'sourcetype', 'index', 'fields'];

/** Loki's push: {streams: [{stream, values: [[ns, line, metadata?]]}]}. */
function fromLoki(value: Branch): Unwrapped {
  return branches(value.streams).flatMap(s =>
    (Array.isArray(s.values) ? s.values : []).filter(Array.isArray).map(entry => ({
      text: asText(entry[1]),
      ...nanos(entry[0]),
    })),
  );
}

/** OTLP/HTTP logs as JSON: a body that is text is the record; any other body is read with what is beside it. */
function fromOtlp(value: Branch): Unwrapped {
  const scopes = branches(value.resourceLogs).flatMap(r => branches(r.scopeLogs));
  return scopes
    .flatMap(s => branches(s.logRecords))
    .map(record => {
      const body = isBranch(record.body) ? record.body.stringValue : undefined;
      const inner = typeof body === 'string' && tokensIn(body) > 0 ? body : asText(record);
      return { text: inner, outer: record, ...nanos(record.timeUnixNano) };
    });
}

/** CloudWatch Logs' subscription: {logEvents: [{id, timestamp, message}]}. */
function fromCloudWatch(value: Branch): Unwrapped {
  return branches(value.logEvents).map(e => ({
    text: asText(e.message),
    ...(typeof e.id === 'string' ? { recordId: e.id } : {}),
    ...(typeof e.timestamp === 'number' ? { eventMs: e.timestamp } : {}),
  }));
}

function nanos(value: unknown): { eventMs?: number } {
  const ms = Math.floor(
    Number(typeof value === 'string' || typeof value === 'number' ? value : Number.NaN) / 1e6,
  );
  return Number.isSafeInteger(ms) && ms > 0 ? { eventMs: ms } : {};
}
