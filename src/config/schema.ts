/**
 * coalmine.yaml, drawn once: the types, the checks of form, the editor's JSON schema and the reference all come from
 * here. What depends on more than one setting is judged in `checkpoints.ts`, `pipelines.ts` and `sections.ts`;
 * adapters' settings by their own schemas. Objects here have no refinements: they are read key by key.
 */
import { z } from 'zod';
import { DAY_MS, HOUR_MS, YEAR_MS } from '../domain/words.ts';
import { adapter, duration, listOf, matching, name, names, oneOf, text, url } from './fields.ts';
import { pipelineSchema } from './pipeline-schema.ts';

export const PIPELINES_MAX = 1000;

const instant = (description: string) =>
  z.iso
    .datetime({ offset: true, error: 'expected a time with its zone, such as 2026-03-01T02:00:00Z' })
    .meta({ description })
    .optional();

export const maintenanceSchema = z.strictObject({
  pipelines: names('pipeline', PIPELINES_MAX).meta({
    description: 'Whose canaries are then measured, but raise no alarm.',
  }),
  cron: text(
    'Beginnings: second minute hour day month weekday. This and for, or from and to.',
    'six cron fields such as "0 0 2 * * 0"',
  ).optional(),
  timezone: text('Of cron. Default: UTC.', 'a time zone such as Europe/Berlin').optional(),
  for: duration('How long each lasts.', { minMs: 1000, maxMs: 31 * DAY_MS }).optional(),
  from: instant('Beginning of a single window.'),
  to: instant('Its end.'),
});

const LISTEN_FORM = 'an address and port such as 127.0.0.1:8090 or [::]:8090';
export const LISTEN_PATTERN = /^(?<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?<port>\d{1,5})$/;

const STORE_FORM =
  'embedded, { kind: embedded, data_dir: … }, or a URL such as postgres://user@host/database';

export const configSchema = z.strictObject({
  store: z
    .union(
      [
        matching(STORE_FORM, /^(embedded|postgres(ql)?:\/\/.+)$/),
        z.strictObject({
          kind: z.literal('embedded').meta({ description: 'As without a directory.' }),
          data_dir: text('Where its data lies.', 'a directory'),
        }),
      ],
      { error: `expected ${STORE_FORM}` },
    )
    .meta({
      description:
        'Where evidence is kept: a private PostgreSQL of coalmine’s own, or yours. Default: embedded.',
    })
    .optional(),
  listen: matching(LISTEN_FORM, LISTEN_PATTERN)
    .meta({ description: 'Where to serve. Default: 127.0.0.1:8090.' })
    .optional(),
  base_url: url(
    'How others reach this server: self-probes, senders and links use it. Default: from listen.',
  ).optional(),
  signing_keys: listOf(
    text(`At least 16 characters; \${NAME} or \${file:/path} keeps it out of this file.`, 'a key'),
    'keys',
    100,
  )
    .meta({
      description:
        'Sign tokens: the first signs, all verify. An embedded store makes its own if there are none.',
    })
    .optional(),
  pipelines: z
    .record(name('Name of the pipeline.'), pipelineSchema, { error: 'expected a map of pipelines by name' })
    .meta({ description: 'What is watched, by name.' }),
  notify: z
    .record(name('Name of the notifier.'), adapter('notifiers', 'A kind and its settings.'), {
      error: 'expected a map of notifiers by name',
    })
    .meta({ description: 'Ways for people to hear, by name.' })
    .optional(),
  heartbeat: z
    .strictObject({
      url: url('Called (GET) while sending, looking, judging and alerting all work; never otherwise.'),
      every: duration('How often. Default: 1m.', { minMs: 5_000, maxMs: DAY_MS }).optional(),
    })
    .meta({ description: 'The outside dead-man’s switch.' })
    .optional(),
  maintenance: listOf(maintenanceSchema, 'windows', 1000)
    .meta({ description: 'When alarms are not wanted.' })
    .optional(),
  access: z
    .strictObject({
      public: names('pipeline', PIPELINES_MAX).meta({ description: 'Shown to anyone.' }).optional(),
      public_incident_delay: duration('How long an incident stays unpublished. Default: 24h.', {
        minMs: 0,
        maxMs: YEAR_MS,
      }).optional(),
      keys: listOf(
        z.strictObject({
          name: name('Who has it.'),
          key: text('At least 16 characters.', 'a key'),
          scopes: listOf(oneOf(['read', 'ingest', 'emit', 'write'], 'What it may do.'), 'scopes', 4).meta({
            description: 'What it may do.',
          }),
        }),
        'keys',
        1000,
      )
        .meta({ description: 'Bearer keys of the HTTP API.' })
        .optional(),
    })
    .meta({ description: 'Who may see and do what over HTTP.' })
    .optional(),
  retention: z
    .strictObject({
      canaries: duration('Canaries that arrived. Default: 48h.', { minMs: HOUR_MS }).optional(),
      exceptions: duration('Canaries that did not. Default: 400d.', { minMs: DAY_MS }).optional(),
      rollups: duration('Counts and delays. Default: 5y.', { minMs: DAY_MS }).optional(),
    })
    .meta({ description: 'How long what is kept.' })
    .optional(),
});

export type ConfigInput = z.output<typeof configSchema>;
export type MaintenanceInput = z.output<typeof maintenanceSchema>;
