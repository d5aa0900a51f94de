/** The record that a pipeline's canaries leave, from its configuration. */
import { isIP } from 'node:net';
import type { PipelineConfig } from '../../config/config.ts';
import { type CanaryRecord, recordOfProvoked, recordOfWritten } from '../../domain/exclusions.ts';
import { createTemplate, formats } from '../../domain/formats/index.ts';
import { CliError, EXIT, usageError } from './exit.ts';

/** The user agent of a sign-in that is provoked, which no `event:` names. */
const AGENT = 'coalmine';

/** Throws CliError where its events could not be excluded narrowly. */
export function recordOf(pipeline: PipelineConfig, source: string | undefined): CanaryRecord {
  const { name, event, inject } = pipeline;
  if (source !== undefined && isIP(source) === 0)
    throw usageError(`expected --source as an IP address, found ${JSON.stringify(source)}`);
  if (!event) return provoked(name, (inject.settings ?? {}) as Settings, source ?? null);
  if (source !== undefined && source !== event.sourceIp)
    throw usageError(
      `--source is for sign-ins that are provoked: ${name} writes ${event.sourceIp} (event.source_ip)`,
    );
  const format =
    event.format === 'template' ? createTemplate(event.template ?? '') : formats.get(event.format);
  if (!format) throw new Error(`no event format ${event.format}`);
  try {
    const { user, sourceIp, userAgent } = event;
    return recordOfWritten({
      pipeline: name,
      format,
      user,
      sourceIp,
      userAgent,
      syslog: inject.kind === 'syslog',
    });
  } catch (error) {
    throw new CliError(EXIT.usage, `${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

type Settings = Readonly<Record<string, unknown>>;

const textAt = (settings: Settings, key: string): string | null =>
  typeof settings[key] === 'string' ? settings[key] : null;

function provoked(pipeline: string, settings: Settings, sourceIp: string | null): CanaryRecord {
  const plants = (Array.isArray(settings.correlation) ? settings.correlation : []) as readonly Settings[];
  const user = textAt(settings, 'username');
  const client = textAt(settings, 'client_id');
  if (user === null && client === null)
    throw new CliError(
      EXIT.usage,
      `${pipeline}: inject: names neither a username nor a client_id to exclude`,
    );
  return recordOfProvoked({
    pipeline,
    user: settings.grant === 'client_credentials' ? null : user,
    client,
    sourceIp,
    userAgent: AGENT,
    tokenInAgent: plants.some(p => p.in === 'user_agent' && p.as === 'token'),
  });
}
