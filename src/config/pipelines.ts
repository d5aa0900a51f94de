/** A pipeline: its schedule, its defaults, and what must fit together in it. */
import { createTemplate } from '../domain/formats/index.ts';
import { DAY_MS, formatPercent } from '../domain/words.ts';
import { findDefinition, type Given, type Loading } from './adapters.ts';
import { resolveCheckpoints } from './checkpoints.ts';
import type { EventConfig, ObjectiveConfig, PipelineConfig, ScheduleConfig } from './config.ts';
import { checkCron, checkTimezone } from './cron.ts';
import type { Path } from './diagnostic.ts';
import type { PipelineInput } from './pipeline-schema.ts';
import type { Draft } from './read.ts';
import { resolveInjection, resolveWays } from './targets.ts';

type Pipeline = Draft<PipelineInput>;

const SEND_WITHIN_MIN_MS = 1000;
const SEND_WITHIN_MAX_MS = 30_000;
const OBJECTIVE: ObjectiveConfig = { onTime: 0.99, delivered: 0.999, windowMs: 30 * DAY_MS };
const FALSE_ALARMS_PER_YEAR = 1;
const EVENT = { user: 'canary', sourceIp: '192.0.2.1', userAgent: 'coalmine-canary' };

/** Undefined where anything was wrong; it is reported then. */
export const resolvePipeline = (
  loading: Loading,
  name: string,
  draft: Pipeline,
  path: Path,
): PipelineConfig | undefined => {
  const timed = resolveSchedule(loading, draft, path);
  const definition =
    draft.inject?.kind === undefined
      ? undefined
      : findDefinition(loading, 'injector', draft.inject.kind, [...path, 'inject']);
  const event = definition && resolveEvent(loading, draft, definition.traits.events, path);
  // Targets are a leaf to the reader: whole, or reported and absent.
  const given = draft.targets as PipelineInput['targets'];
  const ways = resolveWays(loading, given, [...path, 'targets']);
  const base = draft.inject as Given | undefined;
  const injection =
    definition && base && ways && resolveInjection(loading, { definition, base, targets: given, ways }, path);
  const checkpoints =
    draft.checkpoints && resolveCheckpoints(loading, draft.checkpoints, [...path, 'checkpoints']);
  const objective = resolveObjective(loading, draft, path);
  if (!timed || !ways || !injection || !checkpoints || event === undefined) return undefined;
  const half = Math.round(timed.intervalMs / 2);
  return {
    name,
    id: draft.id ?? name,
    title: draft.title ?? name,
    schedule: timed.schedule,
    sampling: draft.sampling ?? 'uniform',
    targets: injection.targets,
    ...(ways.discovery ? { discovery: ways.discovery } : {}),
    ...(event ? { event } : {}),
    inject: injection.inject,
    sendWithinMs: draft.send_within ?? Math.max(SEND_WITHIN_MIN_MS, Math.min(half, SEND_WITHIN_MAX_MS)),
    checkpoints,
    objective,
    ...(draft.volume === undefined ? {} : { volumePerHour: draft.volume }),
    ...(draft.batch === undefined ? {} : { batch: draft.batch }),
    falseAlarmsPerYear: draft.false_alarms ?? FALSE_ALARMS_PER_YEAR,
    notify: { loss: present(draft.notify?.loss), ours: present(draft.notify?.ours) },
  };
};

const present = <T>(list: readonly (T | undefined)[] | undefined): T[] =>
  (list ?? []).filter(item => item !== undefined);

const resolveSchedule = (
  loading: Loading,
  { every, cron, timezone = 'UTC' }: Pipeline,
  path: Path,
): { readonly schedule: ScheduleConfig; readonly intervalMs: number } | undefined => {
  const { report } = loading;
  const zoned = checkTimezone(loading, timezone, [...path, 'timezone']);
  if (loading.has([...path, 'timezone']) && !loading.has([...path, 'cron'])) {
    report.warning([...path, 'timezone'], {
      message: 'a time zone does nothing without cron',
      fix: 'remove it',
    });
  }
  if (cron !== undefined) {
    if (every !== undefined) {
      report.error([...path, 'cron'], { message: 'every and cron are both given', fix: 'keep one of them' });
    }
    const expression = { expression: cron, timezone: zoned ? timezone : 'UTC' };
    const intervalMs = checkCron(loading, expression, [...path, 'cron']);
    if (intervalMs === undefined) return undefined;
    return { schedule: { kind: 'cron', ...expression }, intervalMs };
  }
  if (every !== undefined) return { schedule: { kind: 'every', everyMs: every }, intervalMs: every };
  if (!loading.has([...path, 'every']) && !loading.has([...path, 'cron'])) {
    report.error([...path, 'every'], { expected: 'every or cron', fix: 'add such as every: 10s' });
  }
  return undefined;
};

/** Null on provoked pipelines; undefined where anything was wrong. */
const resolveEvent = (
  { report, has }: Loading,
  { event, inject }: Pipeline,
  events: 'written' | 'provoked',
  path: Path,
): EventConfig | null | undefined => {
  const at = [...path, 'event'];
  if (events === 'provoked') {
    if (!has(at)) return null;
    report.error(at, {
      message: `${inject?.kind} provokes a real event, so there is none to write`,
      fix: 'remove event',
      atKey: true,
    });
    return undefined;
  }
  if (!has(at)) {
    report.error(at, { expected: 'the event to write', fix: 'add such as event: { format: ocsf }' });
    return undefined;
  }
  if (!event?.format) return undefined;
  const { format, template } = event;
  const templateAt = [...at, 'template'];
  if (format === 'template' && !has(templateAt)) {
    report.error(templateAt, {
      expected: 'the text of the event',
      fix: 'add template, with {{token}} in it',
    });
  } else if (format !== 'template' && has(templateAt)) {
    report.error(templateAt, {
      message: 'a template is for format: template',
      fix: 'remove it, or write format: template',
      atKey: true,
    });
  } else if (template !== undefined) {
    try {
      createTemplate(template);
    } catch (e) {
      report.error(templateAt, { message: e instanceof Error ? e.message : String(e) });
    }
  }
  return {
    format,
    user: event.user ?? EVENT.user,
    sourceIp: event.source_ip ?? EVENT.sourceIp,
    userAgent: event.user_agent ?? EVENT.userAgent,
    ...(template === undefined ? {} : { template }),
  };
};

const resolveObjective = ({ report }: Loading, { objective }: Pipeline, path: Path): ObjectiveConfig => {
  const { on_time: onTime = OBJECTIVE.onTime, delivered = OBJECTIVE.delivered } = objective ?? {};
  if (onTime > delivered) {
    const key = objective?.on_time === undefined ? 'delivered' : 'on_time';
    report.warning([...path, 'objective', key], {
      message: `on_time (${formatPercent(onTime)}) is above delivered (${formatPercent(delivered)}), yet what is on time is delivered`,
      fix: 'raise delivered, or lower on_time',
    });
  }
  return { onTime, delivered, windowMs: objective?.window ?? OBJECTIVE.windowMs };
};
