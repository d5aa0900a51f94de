/**
 * The ledger's tables. All times are Unix milliseconds in int8, all keys begin with the pipeline.
 *
 * A beat's canaries share one row (`beat`, at most PART_SIZE canaries), and so does what a checkpoint knows of them
 * (`mark`): columns are arrays, one element a canary, in the order of `beat.targets`. Only what is new stands in rows
 * of its own (`sighting`, an inbox that `settle` empties into the marks). docs/architecture.md has the measurements.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';

const ms = (name: string) => bigint(name, { mode: 'number' });
/** Offsets from `beat.due_ms`, milliseconds; int4 holds 24.8 days, which bounds `look_back`. */
const offsets = (name: string) => integer(name).array();
const int4Json = customType<{ data: unknown }>({ dataType: () => 'jsonb' });

/** One row: who this store is. A restored backup gets a new epoch, so it can't reuse names. */
export const meta = pgTable('meta', {
  one: boolean('one').primaryKey().default(true),
  storeId: text('store_id').notNull(),
  /** All epochs there were, oldest first; the last signs. */
  epochs: integer('epochs').array().notNull(),
  /** Changes with every start of a server on this data; lets a restored copy be told from the original. */
  createdMs: ms('created_ms').notNull(),
  /** Seed of beats' jitter; drawn once. */
  seed: text('seed').notNull(),
});

/** What pins a beat: the pipeline's checkpoints with their deadlines, without secrets. */
export const generation = pgTable(
  'generation',
  {
    pipeline: integer('pipeline').notNull(),
    number: integer('number').notNull(),
    hash: text('hash').notNull(),
    spec: jsonb('spec').notNull(),
    createdMs: ms('created_ms').notNull(),
  },
  t => [
    primaryKey({ columns: [t.pipeline, t.number] }),
    uniqueIndex('generation_hash').on(t.pipeline, t.hash),
  ],
);

export const pipeline = pgTable('pipeline', {
  number: integer('number').primaryKey().generatedAlwaysAsIdentity(),
  /** `id:` of the config; survives a rename. */
  id: text('id').notNull().unique(),
  name: text('name').notNull(),
  /** Newest generation. Replicas on an older one stop emitting. */
  generation: integer('generation').notNull().default(0),
  /** Every beat due up to here is planned: recorded as a beat, or as skipped. */
  plannedToMs: ms('planned_to_ms').notNull(),
  /** Index of planned canaries: counts backward steps of the clock, so that a slot lived twice gets new names. */
  round: integer('round').notNull().default(0),
  retired: boolean('retired').notNull().default(false),
});

export const target = pgTable(
  'target',
  {
    number: integer('number').primaryKey().generatedAlwaysAsIdentity(),
    pipeline: integer('pipeline').notNull(),
    name: text('name').notNull(),
    /** new → active → quiet → retired; `drill` is the pseudo-target that is never sent. */
    state: text('state').notNull(),
    sinceMs: ms('since_ms').notNull(),
  },
  t => [uniqueIndex('target_name').on(t.pipeline, t.name)],
);

export const checkpoint = pgTable(
  'checkpoint',
  {
    pipeline: integer('pipeline').notNull(),
    number: integer('number').notNull(),
    id: text('id').notNull(),
    name: text('name').notNull(),
    retired: boolean('retired').notNull().default(false),
    /** Watermark, gaps, anchors, cursor, last look: the state of domain/watermark.ts. */
    watermark: jsonb('watermark').notNull(),
    cursor: int4Json('cursor'),
    /** Who looks and settles here; theirs while their heartbeat in `replica` is fresh. The fence counts holders. */
    holder: text('holder'),
    fence: bigint('fence', { mode: 'number' }).notNull().default(0),
  },
  t => [primaryKey({ columns: [t.pipeline, t.number] }), uniqueIndex('checkpoint_id').on(t.pipeline, t.id)],
);

/** Heartbeats of the processes that share this store, by the database's clock. */
export const replica = pgTable('replica', {
  self: text('self').primaryKey(),
  seenMs: ms('seen_ms').notNull(),
  /** Fingerprints of the keys it verifies by: none may sign that another replica would call forged. */
  keys: text('keys').array(),
});

/** Keys that sign, or have signed: without one that still matters its canaries would count as forged, and so as lost. */
export const signingKey = pgTable('signing_key', {
  /** `keyFingerprint` of domain/token.ts. */
  fingerprint: text('fingerprint').primaryKey(),
  firstMs: ms('first_ms').notNull(),
  /** It signed until here, give or take a minute. */
  lastMs: ms('last_ms').notNull(),
});

/** The intent, committed before anything leaves; then how the sending went. */
export const beat = pgTable(
  'beat',
  {
    pipeline: integer('pipeline').notNull(),
    slot: ms('slot').notNull(),
    /** 0, 1, … for planned beats of many targets; canaries asked for one by one have 100000 + index. */
    part: integer('part').notNull(),
    index: integer('index').notNull(),
    kind: text('kind').notNull(),
    generation: integer('generation').notNull(),
    dueMs: ms('due_ms').notNull(),
    /** Whose beat it is: read back when the outcome of a commit is unknown. */
    owner: text('owner').notNull(),
    committedMs: ms('committed_ms').notNull(),
    /** After this, canaries without an outcome are `maybe_sent`, even if their sender still lives. */
    sendByMs: ms('send_by_ms').notNull(),
    /** Deadlines of open canaries restart here after a step of the clock. */
    restartMs: ms('restart_ms'),
    targets: integer('targets').array().notNull(),
    /** Codes of SENDINGS; null while sending. */
    sendings: smallint('sendings').array(),
    firstOffs: offsets('first_offs'),
    lastOffs: offsets('last_offs'),
    attempts: smallint('attempts').array(),
    /** Reasons of refusals and doubts, {canary position: reason}; bounded. */
    reasons: jsonb('reasons'),
  },
  t => [
    primaryKey({ columns: [t.pipeline, t.slot, t.part] }),
    index('beat_sending').on(t.pipeline, t.sendByMs).where(sql`sendings is null`),
  ],
);

/** What one checkpoint knows of one row of `beat`. Created with the beat, so nothing can be forgotten. */
export const mark = pgTable(
  'mark',
  {
    pipeline: integer('pipeline').notNull(),
    checkpoint: integer('checkpoint').notNull(),
    slot: ms('slot').notNull(),
    part: integer('part').notNull(),
    /** The watermark at which `settle` must look at this row again; null: closed. */
    nextDueMs: ms('next_due_ms'),
    /** {bucket: n} of its canaries; sums to their number. */
    counts: jsonb('counts').notNull(),
    /** Its counts are in the rollup. */
    folded: boolean('folded').notNull().default(false),
    /** Something in it is not ordinary: kept as long as exceptions are. */
    exceptional: boolean('exceptional').notNull().default(false),
    /** Codes of VERDICTS; null until the first judgement: all pending. */
    verdicts: smallint('verdicts').array(),
    seenOffs: offsets('seen_offs'),
    seenAfterOffs: offsets('seen_after_offs'),
    /** Bits of domain/evidence.ts. */
    flags: smallint('flags').array(),
    /** Hash of the first record seen: tells a re-read from a copy. */
    records: integer('records').array(),
    /** Sparse, {canary position: {copies, fields, lostMs, …}}. */
    notes: jsonb('notes'),
  },
  t => [
    primaryKey({ columns: [t.pipeline, t.checkpoint, t.slot, t.part] }),
    index('mark_due').on(t.pipeline, t.checkpoint, t.nextDueMs).where(sql`next_due_ms is not null`),
    index('mark_exceptional').on(t.pipeline, t.checkpoint, t.slot).where(sql`exceptional`),
  ],
);

/** Inbox of evidence that `settle` has not yet turned into verdicts: whatever changes a checkpoint's account comes here. */
export const sighting = pgTable(
  'sighting',
  {
    pipeline: integer('pipeline').notNull(),
    checkpoint: integer('checkpoint').notNull(),
    slot: ms('slot').notNull(),
    target: integer('target').notNull(),
    index: integer('index').notNull(),
    /** Code of INBOX_KINDS in store/sight.ts. */
    kind: smallint('kind').notNull().default(0),
    /** When it was seen; the end of a gap. */
    seenMs: ms('seen_ms').notNull(),
    /** Known absent at this time, null: not known; the start of a gap. */
    seenAfterMs: ms('seen_after_ms'),
    ingestedMs: ms('ingested_ms'),
    record: integer('record'),
    /** How often in this look, and which look, when records have no id of their own. */
    copies: integer('copies').notNull().default(1),
    look: bigint('look', { mode: 'number' }).notNull(),
    /** Code of INTEGRITIES. */
    integrity: smallint('integrity').notNull().default(0),
    detail: jsonb('detail'),
  },
  t => [index('sighting_inbox').on(t.pipeline, t.checkpoint)],
);

/** Identities that a backend assigned to a provoked canary; matched like tokens. */
export const alias = pgTable(
  'alias',
  {
    pipeline: integer('pipeline').notNull(),
    alias: text('alias').notNull(),
    slot: ms('slot').notNull(),
    target: integer('target').notNull(),
    index: integer('index').notNull(),
  },
  t => [primaryKey({ columns: [t.pipeline, t.alias] })],
);

/** Identities that stood in the declared place of a record before any canary had them for an alias; see `takeIdentities`. */
export const identity = pgTable(
  'identity',
  {
    pipeline: integer('pipeline').notNull(),
    checkpoint: integer('checkpoint').notNull(),
    identity: text('identity').notNull(),
    /** Hash of the record. */
    key: integer('key').notNull(),
    /** From here on as in `sighting`. */
    seenMs: ms('seen_ms').notNull(),
    seenAfterMs: ms('seen_after_ms'),
    ingestedMs: ms('ingested_ms'),
    record: integer('record'),
    copies: integer('copies').notNull(),
    look: bigint('look', { mode: 'number' }).notNull(),
    /** What its record counts as if nobody claims it: Otherwise of store/sight.ts. */
    otherwise: jsonb('otherwise'),
  },
  t => [primaryKey({ columns: [t.pipeline, t.checkpoint, t.identity, t.key] })],
);

/** Counts of what has closed, by the hour of the slot. */
export const rollup = pgTable(
  'rollup',
  {
    pipeline: integer('pipeline').notNull(),
    checkpoint: integer('checkpoint').notNull(),
    hourMs: ms('hour_ms').notNull(),
    /** {bucket: n}; the buckets sum to what was scheduled. */
    counts: jsonb('counts').notNull(),
    /** Sketch of delays, milliseconds. */
    delays: jsonb('delays'),
    /** The chain holds it as it is. */
    sealed: boolean('sealed').notNull().default(false),
  },
  t => [
    primaryKey({ columns: [t.pipeline, t.checkpoint, t.hourMs] }),
    index('rollup_unsealed').on(t.pipeline, t.hourMs).where(sql`not sealed`),
  ],
);

/** Things noticed that are no verdict: echoes, forgeries, orphans, vanished records, clock steps, skipped beats. */
export const finding = pgTable(
  'finding',
  {
    pipeline: integer('pipeline').notNull(),
    checkpoint: integer('checkpoint').notNull(),
    kind: text('kind').notNull(),
    hourMs: ms('hour_ms').notNull(),
    count: bigint('count', { mode: 'number' }).notNull(),
    firstMs: ms('first_ms').notNull(),
    lastMs: ms('last_ms').notNull(),
    sample: jsonb('sample'),
  },
  t => [primaryKey({ columns: [t.pipeline, t.checkpoint, t.kind, t.hourMs] })],
);

/** Records that have been counted as a finding: whoever reads one again counts nothing. Bounded, see `dropPast`. */
export const counted = pgTable(
  'counted',
  {
    pipeline: integer('pipeline').notNull(),
    checkpoint: integer('checkpoint').notNull(),
    /** `findingKey` of engine/sight.ts. */
    record: bigint('record', { mode: 'number' }).notNull(),
    seenMs: ms('seen_ms').notNull(),
  },
  t => [primaryKey({ columns: [t.pipeline, t.checkpoint, t.record] })],
);

/** Valid tokens that this ledger doesn't know: parked, in no rate, until somebody explains them. */
export const orphan = pgTable(
  'orphan',
  {
    pipeline: integer('pipeline').notNull(),
    checkpoint: integer('checkpoint').notNull(),
    target: integer('target').notNull(),
    slot: ms('slot').notNull(),
    index: integer('index').notNull(),
    seenMs: ms('seen_ms').notNull(),
  },
  t => [primaryKey({ columns: [t.pipeline, t.checkpoint, t.target, t.slot, t.index] })],
);

/** The detectors of one objective at one checkpoint (0: the first hop), and how far they have been fed, strictly by slot. */
export const detector = pgTable(
  'detector',
  {
    pipeline: integer('pipeline').notNull(),
    checkpoint: integer('checkpoint').notNull(),
    /** `on_time`, `delivered` or `refused`. */
    objective: text('objective').notNull(),
    /** Every beat up to here has been fed, or left out for good; null: none yet. */
    fedMs: ms('fed_ms'),
    /** DetectorState: sequences of the whole and of targets that aren't at their baseline. */
    state: jsonb('state').notNull(),
    /** Natural logarithm of the threshold. Never falls. */
    logThreshold: doublePrecision('log_threshold').notNull(),
  },
  t => [primaryKey({ columns: [t.pipeline, t.checkpoint, t.objective] })],
);

/** A proven, lasting departure. One open row at most for each kind at each checkpoint. */
export const incident = pgTable(
  'incident',
  {
    number: integer('number').primaryKey().generatedAlwaysAsIdentity(),
    pipeline: integer('pipeline').notNull(),
    /** 0: the pipeline as a whole. */
    checkpoint: integer('checkpoint').notNull(),
    kind: text('kind').notNull(),
    beganMs: ms('began_ms').notNull(),
    detectedMs: ms('detected_ms').notNull(),
    /** null while it lasts. */
    endedMs: ms('ended_ms'),
    /** It looks over since then; it ends when that has lasted. null: it goes on. */
    quietMs: ms('quiet_ms'),
    reopened: integer('reopened').notNull().default(0),
    /** LossFacts or ConditionFacts of domain/incident.ts. */
    facts: jsonb('facts').notNull(),
    /** Sequences in alarm, and what people have been told; IncidentState of store/incident.ts. */
    state: jsonb('state').notNull(),
  },
  t => [
    uniqueIndex('incident_open').on(t.pipeline, t.kind, t.checkpoint).where(sql`ended_ms is null`),
    index('incident_began').on(t.pipeline, t.beganMs),
  ],
);

/** What people said of an incident. */
export const incidentNote = pgTable(
  'incident_note',
  {
    incident: integer('incident').notNull(),
    number: integer('number').generatedAlwaysAsIdentity().notNull(),
    atMs: ms('at_ms').notNull(),
    by: text('by').notNull(),
    /** `ack` or `note`. */
    kind: text('kind').notNull(),
    text: text('text').notNull(),
  },
  t => [primaryKey({ columns: [t.incident, t.number] })],
);

/** Notices on their way, written with what they tell of. Only the head per (incident, notifier) is ever sent. */
export const outbox = pgTable(
  'outbox',
  {
    incident: integer('incident').notNull(),
    notifier: text('notifier').notNull(),
    sequence: integer('sequence').notNull(),
    event: text('event').notNull(),
    /** The Notice of contracts/notifier.ts. */
    notice: jsonb('notice').notNull(),
    createdMs: ms('created_ms').notNull(),
    /** Not before; moves with every failed attempt. */
    nextMs: ms('next_ms').notNull(),
    attempts: integer('attempts').notNull().default(0),
    /** Whose attempt is under way, and until when, by the database's clock. */
    claimedBy: text('claimed_by'),
    claimedUntilMs: ms('claimed_until_ms'),
    /** `waiting`, `sent`, `failed` (given up), `merged` (told in a summary). */
    state: text('state').notNull().default('waiting'),
    doneMs: ms('done_ms'),
    /** What the channel answered; the next notice of the incident needs it. */
    receipt: jsonb('receipt'),
    error: text('error'),
  },
  t => [
    primaryKey({ columns: [t.incident, t.notifier, t.sequence] }),
    index('outbox_waiting').on(t.nextMs).where(sql`state = 'waiting'`),
  ],
);

/**
 * The hash chain over a pipeline's rollups: a link when an hour at a checkpoint is whole, another whenever it changes after
 * that. Links are never changed.
 */
export const chain = pgTable(
  'chain',
  {
    pipeline: integer('pipeline').notNull(),
    number: integer('number').notNull(),
    checkpoint: integer('checkpoint').notNull(),
    hourMs: ms('hour_ms').notNull(),
    sealedMs: ms('sealed_ms').notNull(),
    /** The rollup's counts as they were then. */
    counts: jsonb('counts').notNull(),
    /** SHA-256 of its delays, hexadecimal. */
    delaysHash: text('delays_hash').notNull(),
    /** SHA-256 of the link before and all of the above, hexadecimal. */
    hash: text('hash').notNull(),
  },
  t => [
    primaryKey({ columns: [t.pipeline, t.number] }),
    index('chain_hour').on(t.pipeline, t.checkpoint, t.hourMs),
  ],
);
