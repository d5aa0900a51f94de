/** The settings of `kind: http`: how to ask a search API, and where in its answers things stand. */
import { z } from 'zod';
import { SettingsError } from '../../contracts/definition.ts';
import type { Json } from '../../contracts/observer.ts';
import { pagingSchema } from './paging.ts';
import { bodyBytesMax, headers, pagesMax, timeout } from './settings.ts';
import { HOLES, holesOf } from './template.ts';

const dotted = z.string().max(1024);
const moment = z.strictObject({
  path: dotted.describe('Path in the record'),
  unit: z.enum(['iso', 's', 'ms', 'us', 'ns']).default('iso').describe('How it is written'),
});
const expectation = z.strictObject({
  path: dotted.describe('Path in the answer'),
  equals: z.union([z.string(), z.number(), z.boolean(), z.null()]).describe('What must stand there'),
});
const byField = z.union([z.literal(true), z.string().min(1).max(256)]);

/** `kind: http` */
export const searchSchema = z.strictObject({
  url: z
    .string()
    .regex(
      /^https?:\/\/[^/?#{}\s]+([/?][^#\s]*)?$/,
      'expected a URL; {{holes}} may stand in path and query only',
    )
    .describe(`Where to ask. Holes: ${Object.keys(HOLES).join(', ')}`),
  method: z.enum(['GET', 'POST']).default('GET').describe('HTTP method'),
  headers: headers.describe('Headers of every request; authentication goes here'),
  body: z
    .union([z.string().max(65_536), z.record(z.string(), z.json()), z.array(z.json())])
    .optional()
    .describe('Body of a POST: JSON, or text of the type that headers name. Holes as in url'),
  by: z
    .strictObject({
      event: byField.optional().describe('Event time: what {{time_field}} holds then, or true'),
      ingest: byField.optional().describe('Ingest time: what {{time_field}} holds then, or true'),
    })
    .default({ event: true })
    .describe(
      'Which times the range can be over. Without {{time_field}} the request has one meaning: name that one',
    ),
  answer: z
    .enum(['json', 'ndjson'])
    .default('json')
    .describe(
      '`ndjson`: a JSON object a line, and no line where nothing was found (VictoriaLogs, ClickHouse); the answer is then the array of the objects',
    ),
  records: dotted.describe('Path of the array of records in the answer; empty: the answer itself'),
  text: dotted
    .optional()
    .describe(
      "Path of a record's text; the record as JSON unless given. With `ndjson` every line must have it",
    ),
  at: dotted.optional().describe('Path in the record where the token must stand'),
  record_id: dotted.optional().describe("Path of the backend's own id of a record"),
  event_time: moment.optional().describe('The event time of a record'),
  ingested_at: moment.optional().describe('When the backend took a record in'),
  complete: z
    .union([expectation, z.array(expectation).max(20)])
    .default([])
    .describe('What an answer must say of itself to count as whole, such as timed_out: false'),
  paging: pagingSchema.describe('How to get all of it'),
  page_size: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe('Records of a full page; required without paging'),
  timeout,
  body_bytes_max: bodyBytesMax,
  pages_max: pagesMax,
});
export type SearchSettings = z.output<typeof searchSchema>;

/** Throws `SettingsError` for mistakes that the schema can't say. */
export const check = (s: SearchSettings): void => {
  const used = holesOf([s.url, (s.body ?? null) as Json]);
  const strange = used.find(name => !Object.hasOwn(HOLES, name));
  if (strange !== undefined) {
    throw new SettingsError(`{{${strange}}} is no known hole; there are: ${Object.keys(HOLES).join(', ')}`);
  }
  const needs = (wanted: boolean, fix: string) => {
    if (!wanted) throw new SettingsError(fix);
  };
  const { kind } = s.paging;
  const numbered = used.includes('page');
  const sized = kind === 'none' || numbered || used.includes('page_size');
  needs(!sized || s.page_size !== undefined, 'page_size is missing: how many records does a full page hold?');
  needs(kind !== 'cursor' || used.includes('cursor'), 'paging by cursor needs {{cursor}} in url or body');
  needs(
    kind !== 'offset' || used.includes('offset') || numbered,
    'paging by offset needs {{offset}} or {{page}}',
  );
  needs(s.body === undefined || s.method === 'POST', 'a body needs method: POST');
  const both = s.by.event !== undefined && s.by.ingest !== undefined;
  needs(!both || used.includes('time_field'), 'to ask by both times, put {{time_field}} in url or body');
  for (const field of [s.by.event, s.by.ingest]) {
    needs(
      field !== true || !used.includes('time_field'),
      '{{time_field}} is used: give the name of the field in `by`',
    );
  }
};
