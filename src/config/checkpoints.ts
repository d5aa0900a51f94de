/** Checkpoints: defaults, the tree that they form, and deadlines that can be kept. */
import { DAY_MS, formatDuration } from '../domain/words.ts';
import { findDefinition, type Given, type Loading, readSettings } from './adapters.ts';
import type { CheckpointConfig, TransformConfig } from './config.ts';
import type { Path } from './diagnostic.ts';
import { meant } from './nearest.ts';
import { type CheckpointInput, LOOK_BACK_MAX_MS, SOURCE, TRANSFORM_PATTERN } from './pipeline-schema.ts';
import type { Draft } from './read.ts';

type Checkpoint = Draft<CheckpointInput>;

const LOOK_BACK_MS = 7 * DAY_MS;
const LOOK_EVERY_MIN_MS = 1000;
const LOOK_EVERY_MAX_MS = 60_000;

/** Undefined where anything was wrong; it is reported then. */
export const resolveCheckpoints = (
  loading: Loading,
  drafts: readonly (Checkpoint | undefined)[],
  path: Path,
): CheckpointConfig[] | undefined => {
  if (drafts.length === 0) {
    loading.report.error(path, {
      expected: 'at least one checkpoint',
      fix: 'say where canaries should be seen',
    });
  }
  const afters = drafts.map((draft, i) => draft?.after ?? drafts[i - 1]?.name ?? SOURCE);
  if (checkNames(loading, drafts, path)) checkTree(loading, drafts, afters, path);
  const done = drafts.map((draft, i) => draft && resolve(loading, draft, afters[i]!, [...path, i]));
  return done.every(c => c !== undefined) ? done : undefined;
};

/** Whether each name stands for one checkpoint. */
const checkNames = (
  { report }: Loading,
  drafts: readonly (Checkpoint | undefined)[],
  path: Path,
): boolean => {
  const names = new Map<string, number>();
  const ids = new Map<string, number>();
  let sound = true;
  for (const [i, draft] of drafts.entries()) {
    const { name, id = name } = draft ?? {};
    if (name === undefined || id === undefined) continue;
    const twin = names.get(name);
    const other = ids.get(id);
    if (name === SOURCE) {
      const message = `"${SOURCE}" stands for the injection itself`;
      report.error([...path, i, 'name'], { message, fix: 'choose another name' });
    } else if (twin !== undefined) {
      const message = `checkpoint ${twin + 1} has the name "${name}" too`;
      report.error([...path, i, 'name'], { message, fix: 'rename one of them' });
    } else if (other !== undefined) {
      const message = `checkpoint ${other + 1} has the id "${id}" too`;
      const key = draft?.id === undefined ? 'name' : 'id';
      report.error([...path, i, key], { message, fix: 'give each an id of its own' });
    }
    sound &&= name !== SOURCE && twin === undefined;
    names.set(name, twin ?? i);
    ids.set(id, other ?? i);
  }
  return sound;
};

const checkTree = (
  { report }: Loading,
  drafts: readonly (Checkpoint | undefined)[],
  afters: readonly string[],
  path: Path,
): void => {
  const indexes = new Map(
    drafts.flatMap((draft, i) => (draft?.name === undefined ? [] : [[draft.name, i] as const])),
  );
  const told = new Set<number>();
  for (const [i, draft] of drafts.entries()) {
    const after = draft?.after;
    if (after !== undefined && after !== SOURCE && !indexes.has(after)) {
      const fix = meant(after, [SOURCE, ...indexes.keys()]);
      report.error([...path, i, 'after'], { message: `no checkpoint here is named "${after}"`, fix });
      continue;
    }
    const trail: number[] = [];
    for (let at: number | undefined = i; at !== undefined && !told.has(at); at = indexes.get(afters[at]!)) {
      const since = trail.indexOf(at);
      trail.push(at);
      if (since < 0) continue;
      const circle = trail.slice(since).map(n => drafts[n]?.name);
      for (const n of trail) told.add(n);
      report.error([...path, at, 'after'], {
        message: `these checkpoints wait for one another: ${circle.join(' after ')}`,
        fix: `let one of them come after ${SOURCE}`,
      });
      break;
    }
  }
};

const resolve = (
  loading: Loading,
  draft: Checkpoint,
  after: string,
  path: Path,
): CheckpointConfig | undefined => {
  const { name, observe, on_time_within: onTimeWithinMs, lost_after: lostAfterMs } = draft;
  if (observe?.kind === undefined) return undefined;
  const definition = findDefinition(loading, 'observer', observe.kind, [...path, 'observe']);
  const adapter =
    definition &&
    readSettings(loading, definition, observe as Given, inner => [...path, 'observe', ...inner]);
  const usual = <T>(key: string, value: T): T | undefined =>
    loading.has([...path, key]) ? undefined : value;
  const keepsMs = draft.keeps ?? usual('keeps', definition?.traits.keepsMs);
  const settleMs = draft.settle ?? usual('settle', definition?.traits.settleMs);
  checkDeadlines(loading, draft, { keepsMs, settleMs }, path);
  if (
    !name ||
    !adapter ||
    !onTimeWithinMs ||
    !lostAfterMs ||
    keepsMs === undefined ||
    settleMs === undefined
  ) {
    return undefined;
  }
  const lookEveryMs = Math.min(
    LOOK_EVERY_MAX_MS,
    Math.max(LOOK_EVERY_MIN_MS, Math.round(onTimeWithinMs / 3)),
  );
  // Looking back less far than the deadline would drop canaries before they can be judged.
  const lookBackMs = Math.min(Math.max(LOOK_BACK_MS, lostAfterMs), keepsMs, LOOK_BACK_MAX_MS);
  return {
    name,
    id: draft.id ?? name,
    after: after === SOURCE ? null : after,
    observe: adapter,
    ...(draft.at === undefined ? {} : { at: draft.at }),
    onTimeWithinMs,
    lostAfterMs,
    keepsMs,
    settleMs,
    lookEveryMs: draft.look_every ?? lookEveryMs,
    lookBackMs: draft.look_back ?? lookBackMs,
    transforms: (draft.transforms ?? []).flatMap(text => (text === undefined ? [] : [toTransform(text)])),
    ...(draft.holds === undefined ? {} : { holdsMs: draft.holds }),
  };
};

const checkDeadlines = (
  { report }: Loading,
  draft: Checkpoint,
  backend: { readonly keepsMs: number | undefined; readonly settleMs: number | undefined },
  path: Path,
): void => {
  const { on_time_within: onTimeMs, lost_after: lostMs, look_back: lookBackMs } = draft;
  const { keepsMs, settleMs = 0 } = backend;
  if (onTimeMs !== undefined && lostMs !== undefined && onTimeMs >= lostMs) {
    report.error([...path, 'lost_after'], {
      expected: `a duration above on_time_within (${formatDuration(onTimeMs)})`,
      fix: 'raise lost_after, or lower on_time_within',
    });
  }
  if (keepsMs === undefined) return;
  const keeps = `${formatDuration(keepsMs)}${draft.keeps === undefined ? `, the usual of ${draft.observe?.kind}` : ''}`;
  if (lostMs !== undefined && lostMs + settleMs >= keepsMs) {
    report.error([...path, draft.keeps === undefined ? 'lost_after' : 'keeps'], {
      message:
        `absence could not be proven: lost_after + settle is ${formatDuration(lostMs + settleMs)}, ` +
        `and the backend keeps records for ${keeps}`,
      fix: 'lower lost_after, or raise keeps if the backend keeps more',
    });
  }
  if (lookBackMs === undefined) return;
  if (lookBackMs > keepsMs) {
    const expected = `a duration of at most what the backend keeps (${keeps})`;
    report.error([...path, 'look_back'], { expected, fix: 'lower look_back, or raise keeps' });
  }
  if (lostMs !== undefined && lookBackMs < lostMs) {
    const expected = `a duration of at least lost_after (${formatDuration(lostMs)})`;
    report.error([...path, 'look_back'], { expected, fix: 'raise look_back, or leave it out' });
  }
};

const toTransform = (text: string): TransformConfig => {
  const { from, to, drop, cut, at } = TRANSFORM_PATTERN.exec(text)?.groups ?? {};
  if (from && to) return { kind: 'rename', field: from, to };
  if (drop) return { kind: 'drop', field: drop };
  return { kind: 'truncate', field: cut!, at: Number(at) };
};
