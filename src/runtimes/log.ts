/**
 * Where log lines go: JSON for machines, plain lines for people. Lines that say the same (but for their numbers) are
 * bounded in rate and the rest is counted, so that a store that is down for an hour is a page of log, not a disk full.
 */
import type { Log } from '../contracts/context.ts';
import { partialToken } from '../domain/token.ts';

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

export interface LogOptions {
  readonly format: 'json' | 'text';
  /** Lines below it aren't written. */
  readonly level: Level;
  /** Takes one line without its line feed. Default: standard error. */
  readonly write?: (line: string) => void;
  /** Wall clock, Unix milliseconds. */
  readonly now?: () => number;
}

/** So many alike are written in a minute; the next one after that minute says how many were not. */
const ALIKE_MAX = 5;
const ALIKE_MS = 60_000;
const KINDS_MAX = 1_000;
const LINE_CHARS_MAX = 8_192;

export function createLog(options: LogOptions): Log {
  const { format, level: least, now = Date.now } = options;
  const write = options.write ?? (line => void process.stderr.write(`${line}\n`));
  const limit = createLimit();
  return (level, event, fields = {}) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
    const atMs = now();
    const suppressed = limit(alike(level, event, fields), atMs);
    if (suppressed === undefined) return;
    const all = suppressed > 0 ? { ...fields, suppressed } : fields;
    const line = format === 'json' ? jsonLine(atMs, level, event, all) : textLine(atMs, level, event, all);
    write(hideTokens(line).slice(0, LINE_CHARS_MAX));
  };
}

/** How many of this kind were left out before this one; undefined: this one is left out too. */
function createLimit(): (kind: string, atMs: number) => number | undefined {
  const kinds = new Map<string, { sinceMs: number; written: number; suppressed: number }>();
  return (kind, atMs) => {
    const known = kinds.get(kind);
    // A clock that was set back starts anew too.
    if (known && Math.abs(atMs - known.sinceMs) < ALIKE_MS) {
      if (known.written++ < ALIKE_MAX) return 0;
      known.suppressed++;
      return undefined;
    }
    kinds.delete(kind);
    const [oldest] = kinds.keys();
    if (kinds.size >= KINDS_MAX && oldest !== undefined) kinds.delete(oldest);
    kinds.set(kind, { sinceMs: atMs, written: 1, suppressed: 0 });
    return known?.suppressed ?? 0;
  };
}

const alike = (level: Level, event: string, fields: Record<string, unknown>): string =>
  `${level} ${event} ${textOf(fields)}`.slice(0, 1_000).replace(/\d+/g, '#');

const jsonLine = (atMs: number, level: Level, event: string, fields: Record<string, unknown>): string =>
  textOf({ time: new Date(atMs).toISOString(), level, event, ...fields });

/** One line whatever stands in it, and nothing that a terminal would obey. */
function textLine(atMs: number, level: Level, event: string, fields: Record<string, unknown>): string {
  const time = new Date(atMs).toISOString().slice(11, 19);
  const pairs = Object.entries(fields).map(
    ([name, value]) =>
      `${name}=${typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : textOf(value)}`,
  );
  return [time, level.padEnd(5), event, ...pairs].join(' ');
}

function textOf(value: unknown): string {
  try {
    return (
      JSON.stringify(value, (_, inner: unknown) => {
        if (inner instanceof Error) return inner.stack ?? inner.message;
        return typeof inner === 'bigint' ? String(inner) : inner;
      }) ?? 'undefined'
    );
  } catch (error) {
    return JSON.stringify(`unprintable: ${String(error)}`);
  }
}

/** The last line of defence of law 3: our own log must not look like a sighting. */
const hideTokens = (line: string): string =>
  line.replace(/coalmine1[a-z2-7]{40,}/gi, token => `${partialToken(token)}…`);
