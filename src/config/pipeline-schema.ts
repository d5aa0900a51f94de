/** A pipeline as coalmine.yaml draws it: where canaries go in, what they are, where they should be seen. */
import { z } from 'zod';
import { formats } from '../domain/formats/index.ts';
import { DAY_MS, HOUR_MS, YEAR_MS } from '../domain/words.ts';
import {
  adapter,
  count,
  duration,
  listOf,
  matching,
  name,
  names,
  oneOf,
  rate,
  share,
  text,
  url,
} from './fields.ts';

export const TARGETS_MAX = 100_000;
export const CHECKPOINTS_MAX = 32;
export const LOST_AFTER_MAX_MS = 21 * DAY_MS;
export const LOOK_BACK_MAX_MS = 24 * DAY_MS;
/** A pipeline's first hop, in `after:`. No checkpoint may have this name. */
export const SOURCE = 'source';
/** The pseudo-target whose canaries are never sent. No target may have this name. */
export const DRILL = 'drill';

export const TRANSFORM_FORM = 'a transform such as "rename a to b", "drop c" or "truncate d at 1000"';
export const TRANSFORM_PATTERN =
  /^(?:rename (?<from>\S+) to (?<to>\S+)|drop (?<drop>\S+)|truncate (?<cut>\S+) at (?<at>[1-9]\d{0,8}))$/;

const AT_FORM = 'a dotted path such as event.id';
/** Up to 16 parts; numbers are indexes of lists. */
const AT_PATTERN = /^[^\s.[\]]{1,100}(\.[^\s.[\]]{1,100}){0,15}$/;

export const checkpointSchema = z.strictObject({
  name: name('Name of this place. Shown, and part of the ingest URL.'),
  id: name('Identity that survives a rename. Default: the name.').optional(),
  after: name(
    'The checkpoint before this one, or `source`: straight after injection. Default: the one listed before.',
  ).optional(),
  observe: adapter('observers', 'How canaries are seen here: an observer’s kind and its settings.'),
  at: matching(AT_FORM, AT_PATTERN)
    .meta({
      description:
        'Where the token must stand in the record. Without it, a record must carry enough of the event itself.',
    })
    .optional(),
  on_time_within: duration('A canary seen later than this is late.'),
  lost_after: duration('A canary proven absent after this is lost. At most 21 d.', {
    maxMs: LOST_AFTER_MAX_MS,
  }),
  keeps: duration(
    'How long the backend keeps records. Default: as the observer’s kind usually does.',
  ).optional(),
  settle: duration('How stale an answer of the backend may be. Default: as the observer’s kind usually is.', {
    minMs: 0,
  }).optional(),
  look_every: duration(
    'How often to look while something is pending. Default: a third of on_time_within, from 1 s to 60 s.',
    { minMs: 100, maxMs: DAY_MS },
  ).optional(),
  look_back: duration('How long a lost canary is still looked for. Default: 7 d; at most keeps, and 24 d.', {
    maxMs: LOOK_BACK_MAX_MS,
  }).optional(),
  transforms: listOf(matching(TRANSFORM_FORM, TRANSFORM_PATTERN), 'transforms', 1000)
    .meta({ description: 'Changes of fields that are meant to happen before this place.' })
    .optional(),
  holds: duration(
    'How long this hop holds what it cannot pass on: how much time is left when it stalls.',
  ).optional(),
});

const TARGET_FORM = 'a target’s name, such as web-1: letters, digits and . _ : - , at most 253 characters';
const targetName = matching(TARGET_FORM, /^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$/);
const refresh = duration('How often to read it again. Default: 1m.', {
  minMs: 1000,
  maxMs: DAY_MS,
}).optional();

export const targetsSchema = {
  list: listOf(targetName, 'targets', TARGETS_MAX).meta({ description: 'Names of targets.' }),
  fileSd: z.strictObject({
    file_sd: listOf(
      text('A JSON or YAML file; the last part of its path may hold *.', 'a path'),
      'files',
      100,
    ).meta({ description: 'Files of target groups, as Prometheus reads them.' }),
    refresh,
  }),
  httpSd: z.strictObject({
    http_sd: z
      .strictObject({ url: url('Answers with target groups, as Prometheus reads them.') })
      .meta({ description: 'An endpoint that lists targets.' }),
    refresh,
  }),
  map: z
    .record(
      targetName,
      z.record(z.string(), z.unknown(), { error: 'expected a map of inject settings, or {}' }).nullable(),
    )
    .meta({ description: 'Targets, each with inject settings of its own, laid over the pipeline’s.' }),
};

const EVENT_FORMATS = ['template', ...formats.keys()] as const;

export const eventSchema = z.strictObject({
  format: oneOf(EVENT_FORMATS, 'What the sign-in event looks like.'),
  user: text('Who signs in: a dedicated, unprivileged identity. Default: canary.').optional(),
  source_ip: z
    .union([z.ipv4(), z.ipv6()], { error: 'expected an IP address such as 192.0.2.1' })
    .meta({
      description: 'Where from. Default: 192.0.2.1, an address for documentation; some pipelines drop those.',
    })
    .optional(),
  user_agent: text('With what. Default: coalmine-canary.').optional(),
  template: z
    .string({ error: 'expected the text of an event, with {{token}} in it' })
    .max(65_536, { error: 'expected a template of at most 65,536 characters' })
    .meta({ description: 'The event, for `format: template`, with {{token}} in it.' })
    .optional(),
});

export const pipelineSchema = z.strictObject({
  title: text('Shown to people. Default: the name.').optional(),
  id: name('Identity that survives a rename. Default: the name.').optional(),
  every: duration('How often a canary is sent to each target. This, or cron.', {
    minMs: 100,
    maxMs: 7 * DAY_MS,
  }).optional(),
  cron: text(
    'When to send: second minute hour day month weekday. This, or every.',
    'six cron fields such as "*/10 * * * * *"',
  ).optional(),
  timezone: text('Of cron. Default: UTC.', 'a time zone such as Europe/Berlin').optional(),
  sampling: oneOf(
    ['uniform', 'poisson', 'fixed'],
    'Where in its slot a canary is sent. Default: uniform.',
  ).optional(),
  targets: z
    .union([targetsSchema.list, targetsSchema.fileSd, targetsSchema.httpSd, targetsSchema.map])
    .meta({
      description:
        'The ways in: a list; a map with inject settings of each; or file_sd / http_sd, as Prometheus reads them. Default: one, named default.',
    })
    .optional(),
  event: eventSchema
    .meta({ description: 'The event that is written. Only where the injector writes one.' })
    .optional(),
  inject: adapter('injectors', 'How canaries get in: an injector’s kind and its settings.'),
  send_within: duration(
    'A canary not sent by then isn’t sent any more. Default: half of every, from 1 s to 30 s.',
    { minMs: 1000, maxMs: HOUR_MS },
  ).optional(),
  checkpoints: listOf(checkpointSchema, 'checkpoints', CHECKPOINTS_MAX).meta({
    description: 'Where canaries should be seen.',
  }),
  objective: z
    .strictObject({
      on_time: share('How many should be on time. Default: 99%.').optional(),
      delivered: share('How many should arrive at all. Default: 99.9%.').optional(),
      window: duration('Over how long. Default: 30d.', { minMs: HOUR_MS, maxMs: YEAR_MS }).optional(),
    })
    .meta({ description: 'What the pipeline is held to.' })
    .optional(),
  volume: rate(
    'Real events, such as 1200000 per hour: lets an incident estimate how many were lost.',
    HOUR_MS,
  ).optional(),
  batch: count('How many canaries the shipper sends in one batch, if it does.', TARGETS_MAX).optional(),
  false_alarms: rate('False alarms that are acceptable. Default: 1 per year.', YEAR_MS).optional(),
  notify: z
    .strictObject({
      loss: names('notifier', 100).meta({ description: 'Who hears of losses.' }).optional(),
      ours: names('notifier', 100).meta({ description: 'Who hears of coalmine’s own faults.' }).optional(),
    })
    .meta({ description: 'Who hears of what.' })
    .optional(),
});

export type PipelineInput = z.output<typeof pipelineSchema>;
export type CheckpointInput = z.output<typeof checkpointSchema>;
