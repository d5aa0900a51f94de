/** Whether what the configuration names can be reached: one look at each checkpoint, and a knock at each injector's door. */
import { lookup } from 'node:dns/promises';
import { access, constants, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { AdapterConfig, CheckpointConfig, Config, PipelineConfig } from '../../../config/config.ts';
import { SettingsError } from '../../../contracts/definition.ts';
import type { Found, Look, Observer } from '../../../contracts/observer.ts';
import { TOKEN_PREFIX } from '../../../domain/token.ts';
import { formatDuration } from '../../../domain/words.ts';
import { registry } from '../../../registry.gen.ts';
import { context } from '../context.ts';
import { fileFault } from '../files.ts';
import { reasonOf } from '../server.ts';
import { bad, type Finding, ok } from './finding.ts';

const LOOK_WITHIN_MS = 5_000;
const KNOCK_WITHIN_MS = 3_000;
const RANGE_MS = 60_000;
const LIMITS = { records: 1_000, bytes: 4 * 1024 * 1024 };
const AT_ONCE = 8;
const INJECTORS_MAX = 200;

export async function checkReach(config: Config): Promise<Finding[]> {
  const checks = config.pipelines.flatMap(p => [
    ...p.checkpoints.map(c => () => checkCheckpoint(p, c)),
    ...injectorsOf(p).map(
      ([who, inject]) =>
        () =>
          checkInjector(`inject ${p.name}${who}`, inject),
    ),
  ]);
  const found: Finding[] = [];
  for (let i = 0; i < checks.length; i += AT_ONCE)
    found.push(...(await Promise.all(checks.slice(i, i + AT_ONCE).map(check => check()))));
  return found;
}

/** The distinct ones: targets without settings of their own share the pipeline's. */
function injectorsOf(p: PipelineConfig): [who: string, inject: AdapterConfig][] {
  const shared = p.targets.length === 0 || p.targets.some(t => !t.inject);
  const own = p.targets.flatMap(t => (t.inject ? [[`/${t.name}`, t.inject] as [string, AdapterConfig]] : []));
  return [...(shared ? [['', p.inject] as [string, AdapterConfig]] : []), ...own].slice(0, INJECTORS_MAX);
}

async function checkCheckpoint(pipeline: PipelineConfig, checkpoint: CheckpointConfig): Promise<Finding> {
  const check = `checkpoint ${pipeline.name}/${checkpoint.name}`;
  const definition = registry.observers.get(checkpoint.observe.kind);
  if (!definition)
    return bad(check, `there is no kind ${checkpoint.observe.kind}`, 'see `coalmine adapters`');
  if (definition.traits.way === 'receive')
    return ok(check, 'records are pushed here; a self-probe tries the way while coalmine runs');
  let observer: Observer | undefined;
  const startedMono = context.clock.mono();
  try {
    observer = await definition.create(checkpoint.observe.settings, context);
    const ingest = observer.ingestTime ?? definition.traits.ingestTime;
    const by = definition.traits.way === 'follow' ? 'follow' : ingest ? 'ingest' : 'event';
    const { records, end } = await lookOnce(observer, by);
    const took = formatDuration(context.clock.mono() - startedMono);
    if (end.end === 'failed')
      return bad(
        check,
        `a look failed after ${took}: ${end.reason ?? 'no reason given'}`,
        'correct observe:, or make it reachable',
      );
    return ok(
      check,
      `a look of ${checkpoint.observe.kind} ended ${end.end} after ${took}, with ${records} records`,
    );
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return bad(check, error.message, 'correct observe:');
  } finally {
    await observer?.close().catch(() => {});
  }
}

type End = Extract<Found, { end: string }>;

async function lookOnce(observer: Observer, by: Look['by']): Promise<{ records: number; end: End }> {
  const nowMs = context.clock.now();
  const look: Look = {
    by,
    fromMs: nowMs - RANGE_MS,
    toMs: nowMs + RANGE_MS,
    prefix: TOKEN_PREFIX,
    limits: LIMITS,
  };
  const signal = AbortSignal.timeout(LOOK_WITHIN_MS);
  const reason = `no end within ${formatDuration(LOOK_WITHIN_MS)}`;
  let records = 0;
  try {
    for await (const found of observer.observe?.(look, signal) ?? []) {
      if (!('page' in found)) return { records, end: signal.aborted ? { end: 'failed', reason } : found };
      records += found.page.length;
    }
    return { records, end: { end: 'failed', reason: signal.aborted ? reason : 'it said not how it ended' } };
  } catch (error) {
    return { records, end: { end: 'failed', reason: signal.aborted ? reason : reasonOf(error) } };
  }
}

/** Sends nothing: whether somebody listens, or the folder can be written, is all that can be asked without a canary. */
async function checkInjector(check: string, inject: AdapterConfig): Promise<Finding> {
  const settings = (inject.settings ?? {}) as Readonly<Record<string, unknown>>;
  const fix = 'correct inject:, or start what listens there';
  const place = ['url', 'address', 'endpoint', 'issuer', 'base_url']
    .map(k => settings[k])
    .find(v => v !== undefined);
  if (place !== undefined) {
    const fault = await knock(String(place));
    const shown = shownPlace(String(place));
    return fault === undefined
      ? ok(check, `${inject.kind} at ${shown} can be reached`)
      : bad(check, `${inject.kind} at ${shown}: ${fault}`, fix);
  }
  if (typeof settings.path === 'string') {
    const fault = await writeFault(settings.path);
    return fault === undefined
      ? ok(check, `${settings.path} can be written`)
      : bad(check, fault, 'correct inject:, or the permissions');
  }
  return ok(check, `${inject.kind}: nothing to knock at; \`coalmine test\` sends a canary`);
}

async function writeFault(path: string): Promise<string | undefined> {
  const there = await stat(path).catch(() => undefined);
  try {
    await access(there ? path : dirname(path), constants.W_OK);
    return there?.isDirectory() ? `${path} is a directory` : undefined;
  } catch (error) {
    return fileFault(error, there ? path : dirname(path));
  }
}

const PORTS: Readonly<Record<string, number>> = {
  'http:': 80,
  'https:': 443,
  'tls:': 6514,
  'tcp:': 514,
  'udp:': 514,
};

const urlOf = (place: string): URL | undefined => (URL.canParse(place) ? new URL(place) : undefined);

/** Without user, password and query. */
function shownPlace(place: string): string {
  const url = urlOf(place);
  return url ? `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}` : 'its address';
}

/** Why nobody opens; undefined: somebody does. */
async function knock(place: string): Promise<string | undefined> {
  const url = urlOf(place);
  if (url?.protocol === 'unix:')
    return (await stat(url.pathname).catch(() => undefined))
      ? undefined
      : `there is no socket ${url.pathname}`;
  if (!url || url.hostname === '') return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol === 'udp:') {
    return await lookup(host).then(
      () => undefined,
      error => `${host} can’t be resolved (${(error as NodeJS.ErrnoException).code})`,
    );
  }
  const port = url.port === '' ? (PORTS[url.protocol] ?? 0) : Number(url.port);
  return await new Promise(resolve => {
    const socket = connect({ host, port });
    const end = (fault: string | undefined) => {
      socket.destroy();
      resolve(fault);
    };
    socket.setTimeout(KNOCK_WITHIN_MS, () => end(`no answer within ${formatDuration(KNOCK_WITHIN_MS)}`));
    socket.once('connect', () => end(undefined));
    socket.once('error', error => end(reasonOf(error)));
  });
}
