/** A row of the ledger as it is kept, and as it is while it is being settled. */
import { SENDINGS, type Sending } from './canary.ts';

/** The row as it is kept. Arrays are in the order of `targets`; offsets are milliseconds from `due_ms`. */
export interface SettlementRow {
  readonly slot: number;
  readonly index: number;
  readonly due_ms: number;
  readonly restart_ms: number | null;
  readonly targets: readonly number[];
  readonly sendings: readonly number[] | null;
  readonly first_offs: readonly number[] | null;
  readonly last_offs: readonly number[] | null;
  readonly attempts: readonly number[] | null;
  readonly next_due_ms: number | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly folded: boolean;
  readonly verdicts: readonly number[] | null;
  readonly seen_offs: readonly (number | null)[] | null;
  readonly seen_after_offs: readonly (number | null)[] | null;
  readonly flags: readonly number[] | null;
  readonly records: readonly (number | null)[] | null;
  readonly notes: Readonly<Record<string, unknown>> | null;
}

/** Bits of `flags`: evidence that can't be derived from the times. */
export const FLAG = { absentAtD: 1, absentAtL: 2, uncovered: 4, downstream: 8 } as const;

/** Sparse remarks on a canary. */
export interface Note {
  copies?: number;
  /** Hashes of the records seen beside the first one. */
  others?: number[];
  integrity?: number;
  detail?: unknown;
  /** Known lost at this watermark; stays when it comes back. */
  lostMs?: number;
  falseAbsence?: true;
}

/** What settling changes, one element a canary. */
export interface State {
  seen: (number | null)[];
  after: (number | null)[];
  flags: number[];
  records: (number | null)[];
  notes: Record<string, Note>;
  arrived: number[];
  remarks: Record<string, number>;
}

export function noteOf(notes: Record<string, Note>, i: number): Note {
  const note = notes[i] ?? {};
  notes[i] = note;
  return note;
}

export interface Canary {
  readonly sending: Sending | null;
  readonly slotMs: number;
  readonly sentMs: number;
}

export function canaryOf(row: SettlementRow, i: number): Canary {
  const code = row.sendings?.[i];
  const lastMs = row.due_ms + (row.last_offs?.[i] ?? 0);
  return {
    sending: code === undefined ? null : (SENDINGS[code] ?? null),
    slotMs: row.slot,
    sentMs: row.restart_ms === null ? lastMs : Math.max(lastMs, row.restart_ms),
  };
}
