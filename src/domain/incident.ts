/**
 * What an incident is: a proven, lasting departure, with a beginning, an extent and an end. Types only; what it is called and
 * told in is in incident-words.ts, what it looks like in pattern.ts.
 */
import type { Pattern } from './pattern.ts';

/** Every condition that is told to people, and whom it concerns: `loss` is for the security desk, `ours` for whoever runs coalmine. */
export const INCIDENT_KINDS = {
  /** More overdue or lost than the objective allows, beyond chance: detected by the e-SR detectors. */
  loss: { concerns: 'loss', severity: 'critical' },
  /** The first hop refuses more than the objective allows. */
  refused: { concerns: 'loss', severity: 'critical' },
  /** Fields arrive changed, cut off or missing that no declared transformation explains. */
  altered: { concerns: 'loss', severity: 'error' },
  /** A canary's identity was used by something that the ledger did not send. */
  identity_used: { concerns: 'loss', severity: 'critical' },
  /** Tokens of ours with a wrong MAC. Anybody can write them, so it never pages. */
  forged: { concerns: 'loss', severity: 'info' },
  /** W is older than it should be: nothing can be said. */
  blind: { concerns: 'ours', severity: 'error' },
  /** Canaries that were seen are gone from the backend: a broken look, or deleted records. Nothing can be said meanwhile. */
  vanished: { concerns: 'ours', severity: 'error' },
  /** A checkpoint has never seen a canary for too long. */
  not_proven: { concerns: 'ours', severity: 'error' },
  /** Our emitter misses its beats. */
  silent: { concerns: 'ours', severity: 'error' },
  /** Canaries aren't sent, or nobody knows whether they were: our side. */
  unsent: { concerns: 'ours', severity: 'warning' },
  /** A canary that never left was seen. */
  drill_seen: { concerns: 'ours', severity: 'critical' },
  /** A canary that never left wasn't found lost: the alarm is broken. */
  drill_not_found: { concerns: 'ours', severity: 'critical' },
  /** Valid names that the ledger doesn't know. */
  orphans: { concerns: 'ours', severity: 'warning' },
  /** Tokens where no event is: an error line, a query log. */
  echoes: { concerns: 'ours', severity: 'info' },
  duplicates: { concerns: 'ours', severity: 'info' },
  reordering: { concerns: 'ours', severity: 'info' },
  /** Clocks of emitter, backend and us disagree. */
  skew: { concerns: 'ours', severity: 'warning' },
  clock_step: { concerns: 'ours', severity: 'warning' },
  scheduler_lag: { concerns: 'ours', severity: 'warning' },
  /** Looks that didn't show what the backend already had: our own error rate. */
  false_absence: { concerns: 'ours', severity: 'warning' },
  /** People could not be told. */
  notices_failing: { concerns: 'ours', severity: 'error' },
} as const satisfies Record<string, { concerns: 'loss' | 'ours'; severity: Severity }>;

export type IncidentKind = keyof typeof INCIDENT_KINDS;
export type Severity = 'critical' | 'error' | 'warning' | 'info';

/** Canaries of an incident by what became of them so far. They sum to `scheduled`. */
export interface IncidentCounts {
  /** All planned in the incident's span, at this checkpoint, drills left out. */
  readonly scheduled: number;
  /** Absent at D, not yet past L. */
  readonly overdue: number;
  /** Absent at L. "Not back by now", never "never". */
  readonly lost: number;
  /** Declared lost, and back since. */
  readonly recovered: number;
  readonly late: number;
  /** Arrived in time, or in time as far as can be told. */
  readonly arrived: number;
  readonly refused: number;
  /** Not decided yet. */
  readonly pending: number;
  /** Nobody can tell any more: unproven, maybe sent, unsent, missed here. */
  readonly unknown: number;
}

/** Where to hunt again in the real logs: the spans in which events of the incident were born, and would have been taken in. */
export interface Hunt {
  readonly eventFromMs: number;
  readonly eventToMs: number;
  readonly ingestFromMs: number;
  readonly ingestToMs: number;
  /** A query for the backend at hand; null: none is known for its kind. */
  readonly query: string | null;
}

/** What is known of a departure from the objective (`loss`, `refused`). All counted anew whenever evidence changes. */
export interface LossFacts {
  readonly counts: IncidentCounts;
  /** `overdue` until the first canary is declared lost. */
  readonly phase: 'overdue' | 'lost' | 'refused';
  /** Between these: the last place that still saw what is missing (null: straight after injection), and the first that doesn't. */
  readonly hop: { readonly after: string | null; readonly checkpoint: string };
  /** Every checkpoint that misses the same canaries, `hop.checkpoint` first. */
  readonly checkpoints: readonly string[];
  readonly targets: {
    /** Names, worst first, at most 100. */
    readonly touched: readonly string[];
    readonly n: number;
    readonly of: number;
  };
  /** Slots of the first and the newest canary that is missing or came back. */
  readonly firstMs: number;
  readonly lastMs: number;
  /**
   * Share missing by D or L of those decided after the first missing one of each touched target, with a 95% interval that holds
   * whenever it is read (a confidence sequence). n = 0: nothing came after them, and the share is of all.
   */
  readonly rate: { readonly share: number; readonly low: number; readonly high: number; readonly n: number };
  /** Real events missing by now, if they fared like the canaries; null where no `volume` is given. */
  readonly realEvents: { readonly n: number; readonly low: number; readonly high: number } | null;
  /** Where the hop's `holds` is given: until when its own copy of the first missing canary lasts; null: not given, or over. */
  readonly heldUntilMs: number | null;
  readonly holdsMs: number | null;
  readonly hunt: Hunt;
  readonly pattern: Pattern | null;
  /** What the operator wants: shown beside what is. */
  readonly objective: { readonly onTime: number; readonly delivered: number };
  readonly onTimeWithinMs: number;
  readonly lostAfterMs: number;
}

/** What is known of any other condition. */
export interface ConditionFacts {
  /** One sentence: what was observed, with numbers. */
  readonly reason: string;
  /** How often, where that is what it is about. */
  readonly count: number | null;
  /** For a person. Never holds a whole token. */
  readonly sample: unknown;
}

export interface IncidentNote {
  readonly atMs: number;
  readonly by: string;
  readonly text: string;
  /** `ack`: somebody has taken it; reminders stop. */
  readonly kind: 'ack' | 'note';
}

export interface Incident {
  readonly id: number;
  readonly kind: IncidentKind;
  readonly pipeline: { readonly name: string; readonly title: string };
  /** Where it was found; null: the pipeline as a whole. */
  readonly checkpoint: string | null;
  readonly state: 'open' | 'ended';
  /** When what is wrong began, as far as is known: the slot of the first canary, or since when nothing can be said. */
  readonly beganMs: number;
  readonly detectedMs: number;
  readonly endedMs: number | null;
  /** How often it ended and came back: flapping is one incident. */
  readonly reopened: number;
  /** null for kinds other than `loss` and `refused`. */
  readonly loss: LossFacts | null;
  /** null for `loss` and `refused`. */
  readonly condition: ConditionFacts | null;
  /** Newest last. */
  readonly notes: readonly IncidentNote[];
}

/** Whether somebody has taken it. */
export const acknowledged = (incident: Pick<Incident, 'notes'>): boolean =>
  incident.notes.some(n => n.kind === 'ack');

/** A whole path that is gone wakes somebody before its canaries count as lost; a part of it only once they do. */
const SHARE_CRITICAL = 0.5;

/** How urgent it is by now. A loss of which nothing is lost yet, only overdue, is less. */
export function severityOf({ kind, loss }: Pick<Incident, 'kind' | 'loss'>): Severity {
  if (loss === null || loss.phase !== 'overdue') return INCIDENT_KINDS[kind].severity;
  return loss.rate.share >= SHARE_CRITICAL ? INCIDENT_KINDS[kind].severity : 'error';
}
