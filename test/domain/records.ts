/** The shapes in which records arrive: headers and envelopes that leave the event whole. */

type Header = (text: string, app: string) => string;

export const headers: readonly Header[] = [
  text => text,
  text => `${text}\n`,
  (text, app) => `<38>Mar  4 05:06:07 web-1 ${app}[71]: ${text}`,
  (text, app) => `Mar 14 05:06:07 web-1 ${app}: ${text}`,
  (text, app) => `2026-03-04T05:06:07.123456+01:00 web-1.example.com ${app}[71]: ${text}`,
  (text, app) => `2026-03-04T05:06:07.123456+01:00 web-1.example.com ${app} ${text}`,
  (text, app) => `<38>1 2026-03-04T05:06:07.123Z web-1 ${app} 71 - - ${text}`,
  (text, app) => `512 <38>1 2026-03-04T05:06:07Z web-1 ${app} - - [x@32473 a="b \\" ] c"] ${text}`,
  text => `2026-03-04T05:06:07.123456789Z stdout F ${text}`,
];

const j = JSON.stringify;
export const wraps: readonly ((text: string) => string)[] = [
  text => text,
  message => j({ '@timestamp': '2026-03-04T05:06:07Z', message, host: { name: 'x' }, log: { offset: 12 } }),
  log => j({ log, stream: 'stderr', time: '2026-03-04T05:06:07Z' }),
  original => j({ event: { original, ingested: '2026-03-04T05:06:07Z' } }),
  stringValue =>
    j({ severityText: 'INFO', body: { stringValue }, attributes: [{ key: 'a', value: { intValue: '1' } }] }),
  MESSAGE => j({ MESSAGE, PRIORITY: '6', _PID: '71' }),
  _raw => j({ result: { _raw, sourcetype: 'x' }, offset: 0 }),
  message => j({ _index: 'x', _source: { message, level: 'info' } }),
];

/** The same JSON value with the keys of every object in another order. */
export function shuffled(value: unknown, seed: number): unknown {
  if (Array.isArray(value)) return value.map(v => shuffled(v, seed));
  if (typeof value !== 'object' || value === null) return value;
  const rank = (key: string): number =>
    [...key].reduce((h, c) => Math.imul(h ^ (c.codePointAt(0) ?? 0), 0x01000193), seed);
  const entries = Object.entries(value).sort(([a], [b]) => rank(a) - rank(b));
  return Object.fromEntries(entries.map(([key, child]) => [key, shuffled(child, seed)]));
}
