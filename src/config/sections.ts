/** What surrounds the pipelines: store, server, keys, maintenance, access, retention. */
import { DAY_MS, HOUR_MS, YEAR_MS } from '../domain/words.ts';
import type { Loading } from './adapters.ts';
import type { Config, MaintenanceConfig } from './config.ts';
import { checkCron, checkTimezone } from './cron.ts';
import { meant } from './nearest.ts';
import type { Draft } from './read.ts';
import { type ConfigInput, LISTEN_PATTERN, type MaintenanceInput } from './schema.ts';

type Root = Draft<ConfigInput>;

const LISTEN = '127.0.0.1:8090';
const KEY_CHARS_MIN = 16;
const RETENTION: Config['retention'] = {
  canariesMs: 48 * HOUR_MS,
  exceptionsMs: 400 * DAY_MS,
  rollupsMs: 5 * YEAR_MS,
};
const PUBLIC_DELAY_MS = 24 * HOUR_MS;

export const resolveStore = ({ report, runtime }: Loading, { store }: Root): Config['store'] => {
  if (typeof store === 'string' && store !== 'embedded') return { kind: 'postgres', url: store };
  if (runtime === 'workerd') {
    report.error(['store'], {
      expected: 'the URL of a PostgreSQL, since workerd cannot start one',
      fix: 'write such as postgres://user@host/database',
    });
  }
  const dataDir = typeof store === 'object' ? store.data_dir : undefined;
  return { kind: 'embedded', ...(dataDir === undefined ? {} : { dataDir }) };
};

export const resolveServer = (loading: Loading, root: Root): Pick<Config, 'listen' | 'baseUrl'> => {
  const { report } = loading;
  const { host = '', port = '' } = LISTEN_PATTERN.exec(root.listen ?? LISTEN)?.groups ?? {};
  const anywhere = host === '0.0.0.0' || host === '[::]';
  const baseUrl = root.base_url ?? `http://${anywhere ? '127.0.0.1' : host}:${port}`;
  if (!URL.canParse(`http://${host}:${port}`)) {
    report.error(['listen'], { expected: 'a host name or address, and a port of at most 65535' });
  }
  if (/[?#]|\/\/[^/]*@/.test(baseUrl)) {
    const fix = 'leave out user, query and fragment';
    report.error(['base_url'], { message: 'expected a URL of nothing but scheme, host and path', fix });
  }
  return {
    listen: { host: host.replace(/^\[|\]$/g, ''), port: Number(port) },
    baseUrl: baseUrl.replace(/\/+$/, ''),
  };
};

/** A pushed-to checkpoint is judged through `base_url`: said once, for the first of them. */
export const hintAtPushes = ({ report, registry, has }: Loading, root: Root): void => {
  if (has(['base_url'])) return;
  for (const [name, pipeline] of Object.entries(root.pipelines ?? {})) {
    for (const [i, checkpoint] of (pipeline?.checkpoints ?? []).entries()) {
      const kind = checkpoint?.observe?.kind;
      if (kind === undefined || registry.observers.get(kind)?.traits.way !== 'receive') continue;
      report.hint(['pipelines', name, 'checkpoints', i, 'observe'], {
        message:
          'records are pushed here, and a self-probe goes the same way; without base_url it only tries this machine',
        fix: 'set base_url to what the senders use',
      });
      return;
    }
  }
};

export const resolveKeys = (
  { report, has }: Loading,
  root: Root,
  store: Config['store'],
): Config['signingKeys'] => {
  const at = ['signing_keys'];
  const keys = root.signing_keys ?? [];
  for (const [i, key] of keys.entries()) {
    if (key === undefined || key.length >= KEY_CHARS_MIN) continue;
    report.error([...at, i], {
      expected: `a key of at least ${KEY_CHARS_MIN} characters`,
      fix: 'make one with: openssl rand -hex 32',
    });
  }
  if (keys.length > 0 || (has(at) && root.signing_keys === undefined)) return present(keys);
  if (store.kind === 'embedded') {
    report.hint(at, {
      message: 'no signing_keys: a key is made and kept in the store’s directory',
      fix: 'set signing_keys to keep it elsewhere',
    });
  } else {
    report.error(at, {
      expected: 'at least one key, since replicas on one PostgreSQL must sign alike',
      fix: `add signing_keys: ["\${COALMINE_KEY}"], and make a key with: openssl rand -hex 32`,
    });
  }
  return [];
};

const present = <T>(list: readonly (T | undefined)[] | undefined): T[] =>
  (list ?? []).filter(item => item !== undefined);

/** Names that must be those of pipelines; what isn't is reported. */
const checkPipelines = (
  loading: Loading,
  root: Root,
  named: readonly (string | undefined)[] | undefined,
  path: (string | number)[],
): string[] => {
  const known = Object.keys(root.pipelines ?? {});
  for (const [i, name] of (named ?? []).entries()) {
    if (name === undefined || known.includes(name)) continue;
    loading.report.error([...path, i], {
      message: `there is no pipeline "${name}"`,
      fix: meant(name, known),
    });
  }
  return present(named);
};

export const resolveMaintenance = (loading: Loading, root: Root): MaintenanceConfig[] =>
  (root.maintenance ?? []).flatMap((draft, i) => {
    if (!draft) return [];
    const path = ['maintenance', i];
    const pipelines = checkPipelines(loading, root, draft.pipelines, [...path, 'pipelines']);
    if (draft.pipelines?.length === 0)
      loading.report.error([...path, 'pipelines'], { expected: 'at least one pipeline' });
    const window = resolveWindow(loading, draft, path);
    return window ? [{ pipelines, window }] : [];
  });

const resolveWindow = (
  loading: Loading,
  draft: Draft<MaintenanceInput>,
  path: (string | number)[],
): MaintenanceConfig['window'] | undefined => {
  const { report, has } = loading;
  const given = (key: string) => has([...path, key]);
  const recurring = given('cron') || given('for');
  if (
    recurring === (given('from') || given('to')) ||
    (recurring ? !given('cron') || !given('for') : !given('from') || !given('to'))
  ) {
    report.error(path, {
      message: 'expected either cron and for, or from and to',
      fix: 'give both of one pair',
    });
    return undefined;
  }
  if (recurring) {
    const { cron, timezone = 'UTC', for: forMs } = draft;
    const zoned = checkTimezone(loading, timezone, [...path, 'timezone']);
    if (cron === undefined || forMs === undefined) return undefined;
    const expression = { expression: cron, timezone: zoned ? timezone : 'UTC' };
    const intervalMs = checkCron(loading, expression, [...path, 'cron']);
    if (intervalMs !== undefined && intervalMs <= forMs) {
      report.error([...path, 'for'], {
        message: 'each window lasts until the next begins: no alarm would ever be raised',
        fix: 'shorten for',
      });
    }
    return { kind: 'recurring', cron, timezone, forMs };
  }
  if (draft.from === undefined || draft.to === undefined) return undefined;
  const window = { kind: 'once' as const, fromMs: Date.parse(draft.from), toMs: Date.parse(draft.to) };
  if (window.fromMs >= window.toMs)
    report.error([...path, 'to'], { expected: `a time after from (${draft.from})` });
  return window;
};

export const resolveAccess = (loading: Loading, root: Root): Config['access'] => {
  const { report } = loading;
  const { access } = root;
  const names = new Set<string>();
  const keys = (access?.keys ?? []).flatMap((draft, i) => {
    const { name, key, scopes } = draft ?? {};
    const path = ['access', 'keys', i];
    if (name !== undefined && names.has(name)) {
      report.error([...path, 'name'], {
        message: `another key is named "${name}"`,
        fix: 'rename one of them',
      });
    }
    if (name !== undefined) names.add(name);
    if (key !== undefined && key.length < KEY_CHARS_MIN) {
      report.error([...path, 'key'], {
        expected: `a key of at least ${KEY_CHARS_MIN} characters`,
        fix: 'make one with: openssl rand -hex 32',
      });
    }
    if (scopes?.length === 0)
      report.error([...path, 'scopes'], { expected: 'at least one of read, ingest, emit, write' });
    return name === undefined || key === undefined ? [] : [{ name, key, scopes: present(scopes) }];
  });
  return {
    public: checkPipelines(loading, root, access?.public, ['access', 'public']),
    publicIncidentDelayMs: access?.public_incident_delay ?? PUBLIC_DELAY_MS,
    keys,
  };
};

export const resolveRetention = ({ retention }: Root): Config['retention'] => ({
  canariesMs: retention?.canaries ?? RETENTION.canariesMs,
  exceptionsMs: retention?.exceptions ?? RETENTION.exceptionsMs,
  rollupsMs: retention?.rollups ?? RETENTION.rollupsMs,
});
