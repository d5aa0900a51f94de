/** Writes OpenMetrics 1.0 text. Ours, since Workers have no Node and prom-client wants it; the format is small. */

export type Labels = Readonly<Record<string, string>>;

export interface Family {
  /** Without `_total`; ends in the unit, where there is one. */
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'info' | 'gaugehistogram';
  readonly unit?: 'seconds' | 'ratio';
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** After the family's name: `_bucket`, `_gcount`; a counter's `_total` and an info's `_info` come by themselves. */
  readonly suffix?: string;
  readonly labels?: Labels;
  readonly value: number;
}

export const CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

const SUFFIX = { gauge: '', counter: '_total', info: '_info', gaugehistogram: '' } as const;

export function exposition(families: readonly Family[]): string {
  const lines: string[] = [];
  for (const { name, type, unit, help, samples } of families) {
    lines.push(`# TYPE ${name} ${type}`);
    if (unit) lines.push(`# UNIT ${name} ${unit}`);
    lines.push(`# HELP ${name} ${escaped(help)}`);
    for (const s of samples)
      lines.push(`${name}${s.suffix ?? SUFFIX[type]}${labelsOf(s.labels ?? {})} ${numberOf(s.value)}`);
  }
  return `${lines.join('\n')}\n# EOF\n`;
}

function labelsOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

const numberOf = (n: number): string =>
  Number.isNaN(n) ? 'NaN' : Number.isFinite(n) ? String(n) : n > 0 ? '+Inf' : '-Inf';
