/**
 * What people noted of an incident, as the fields of a record of failure (PCI DSS 10.7.3). A line that begins with a word of
 * a field and a colon says that field, on through the lines after it, up to an empty line or another such word.
 */
import type { IncidentNote } from '../incident.ts';

export const RECORD_FIELDS = {
  cause: ['cause', 'root cause'],
  remediation: ['remediation', 'fix'],
  security: ['security', 'security issues'],
  actions: ['actions', 'further actions'],
  prevention: ['prevention'],
  resumed: ['resumed', 'monitoring resumed'],
} as const satisfies Record<string, readonly string[]>;
export type RecordField = keyof typeof RECORD_FIELDS;

/** What somebody said, on one line. */
export interface Said {
  readonly atMs: number;
  readonly by: string;
  readonly text: string;
}

export interface IncidentRecord {
  /** By field, oldest first; a field that nobody said is empty. */
  readonly fields: Readonly<Record<RecordField, readonly Said[]>>;
  /** What belongs to no field. */
  readonly rest: readonly (Said & { readonly kind: IncidentNote['kind'] })[];
}

const WORDS = new Map<string, RecordField>(
  Object.entries(RECORD_FIELDS).flatMap(([field, words]) => words.map(w => [w, field as RecordField])),
);
const LABEL = /^\s*(?:[-*]\s+)?([a-z]+(?: [a-z]+)?)\s*:\s*(.*)$/i;

export function recordOf(notes: readonly IncidentNote[]): IncidentRecord {
  const fields: Record<RecordField, Said[]> = {
    cause: [],
    remediation: [],
    security: [],
    actions: [],
    prevention: [],
    resumed: [],
  };
  const rest: (Said & { kind: IncidentNote['kind'] })[] = [];
  for (const { atMs, by, kind, text } of notes) {
    const said = new Map<RecordField, string[]>();
    const other: string[] = [];
    let into = other;
    for (const line of text.split('\n')) {
      const [, word = '', value = ''] = LABEL.exec(line) ?? [];
      const field = WORDS.get(word.toLowerCase());
      if (field) {
        into = said.get(field) ?? [];
        said.set(field, into);
        into.push(value);
      } else if (line.trim() === '') into = other;
      else into.push(line);
    }
    for (const [field, lines] of said) {
      const joined = joinLines(lines);
      if (joined !== '') fields[field].push({ atMs, by, text: joined });
    }
    if (kind === 'ack' || joinLines(other) !== '') rest.push({ atMs, by, kind, text: joinLines(other) });
  }
  return { fields, rest };
}

const joinLines = (lines: readonly string[]): string => lines.join(' ').replace(/\s+/g, ' ').trim();
