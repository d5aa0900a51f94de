/** Topology: agents, pipelines, checkpoints and deadlines, and the configurations as an operator writes them (in JSON, which is YAML). */

import type { Draws } from './generate-draws.ts';
import type { Flavour } from './generate-flavour.ts';
import { HOSTS, type LabPlan } from './plan.ts';

export interface Topology {
  readonly agents: readonly string[];
  readonly replicas: number;
  readonly lab: LabPlan;
  readonly config: ConfigDraft;
  readonly calmMs: number;
}

/** A configuration before it is text: what the shrinker simplifies too. */
export interface ConfigDraft {
  readonly store: string;
  readonly signing_keys: readonly string[];
  readonly base_url: string;
  readonly pipelines: Readonly<Record<string, PipelineDraft>>;
  readonly notify: Readonly<Record<string, unknown>>;
  readonly access: { readonly public: readonly string[]; readonly public_incident_delay: string };
  readonly retention: Readonly<Record<string, string>>;
  readonly maintenance?: readonly unknown[];
}

export interface PipelineDraft {
  readonly every: string;
  readonly sampling: string;
  readonly targets: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly event: Readonly<Record<string, unknown>>;
  readonly inject: Readonly<Record<string, unknown>>;
  readonly send_within: string;
  readonly checkpoints: readonly CheckpointDraft[];
  readonly objective: { readonly on_time: string; readonly delivered: string };
  readonly false_alarms: string;
  readonly notify: { readonly loss: readonly string[]; readonly ours: readonly string[] };
}

export interface CheckpointDraft {
  readonly name: string;
  readonly after?: string;
  readonly observe: Readonly<Record<string, unknown>>;
  readonly on_time_within: string;
  readonly lost_after: string;
  readonly keeps: string;
  readonly settle: string;
  readonly look_every: string;
  readonly holds?: string;
}

export const EXPORT_KEY = 'a-key-of-the-export-branch';
const LAB = `http://${HOSTS.lab}`;

const ms = (n: number): string => `${n}ms`;

export function topologyOf(random: Draws, flavour: Flavour, isBrief = false): Topology {
  const agents = Array.from({ length: random.between(1, 4) }, (_, i) => `web-${i + 1}`);
  const replicas = flavour === 'replicas' ? random.between(2, 3) : random.between(1, 10) > 7 ? 2 : 1;
  // Some backends forget within the run.
  const keepsMs = random.chance(0.2) ? random.between(120, 180) * 1000 : 3_600_000;
  const kinds = random.chance(0.5)
    ? (['agents'] as const)
    : random.chance(0.5)
      ? (['app'] as const)
      : (['agents', 'app'] as const);
  const pipelines: Record<string, PipelineDraft> = {};
  if (kinds.some(k => k === 'agents')) pipelines.ssh = throughAgents(random, agents, keepsMs, isBrief);
  if (kinds.some(k => k === 'app')) pipelines.app = throughIntake(random, keepsMs, isBrief);
  const names = Object.keys(pipelines);
  return {
    agents,
    replicas,
    lab: {
      agents,
      cacheRecords: random.pick([5, 20, 1000]),
      retentionMs: keepsMs,
      ...(random.chance(0.2) ? { indexDelayMs: { auth: random.between(100, 3000) } } : {}),
      ...(pipelines.app
        ? { exportTo: { url: `http://${HOSTS.coalmine}/ingest/app/export`, key: EXPORT_KEY } }
        : {}),
    },
    config: {
      store: 'postgres://sim',
      signing_keys: ['a-signing-key-for-the-simulator'],
      base_url: `http://${HOSTS.coalmine}`,
      pipelines,
      notify: {
        desk: { kind: 'webhook', url: `http://${HOSTS.hook}/desk` },
        crew: { kind: 'webhook', url: `http://${HOSTS.hook}/crew` },
      },
      access: { public: names, public_incident_delay: '0s' },
      retention: { canaries: '1h', exceptions: '1d', rollups: '1d' },
      ...(random.chance(0.15)
        ? { maintenance: [{ pipelines: names, cron: '30 */3 * * * *', for: '40s' }] }
        : {}),
    },
    calmMs: isBrief ? 70_000 : random.between(170, 240) * 1000,
  };
}

/** The configuration at the start, and the ones that it changes to. */
export function configsOf({ config }: Topology, random: Draws): string[] {
  const first = Object.keys(config.pipelines)[0]!;
  const pipeline = config.pipelines[first]!;
  const withPipeline = (changed: Partial<PipelineDraft>): ConfigDraft => ({
    ...config,
    pipelines: { ...config.pipelines, [first]: { ...pipeline, ...changed } },
  });
  const [target, ...others] = Object.keys(pipeline.targets);
  const changes: ConfigDraft[] = [
    withPipeline({
      checkpoints: pipeline.checkpoints.map(c => ({ ...c, lost_after: ms(millis(c.lost_after) + 7_000) })),
    }),
  ];
  if (others.length > 0) {
    const { [target!]: _, ...left } = pipeline.targets;
    changes.push(withPipeline({ targets: left }));
  }
  if (pipeline.checkpoints.length > 1)
    changes.push(withPipeline({ checkpoints: pipeline.checkpoints.slice(0, 1) }));
  return [config, random.pick(changes)].map(c => JSON.stringify(c, null, 1));
}

export const millis = (text: string): number => Number(/^(\d+)ms$/.exec(text)?.[1] ?? Number.NaN);

function throughAgents(
  random: Draws,
  agents: readonly string[],
  keepsMs: number,
  isBrief: boolean,
): PipelineDraft {
  const settings = (agent: string) => ({ url: `${LAB}/lab/agents/${agent}/logs` });
  const lenses = random.pick([
    ['loki'],
    ['both'],
    ['ingest'],
    ['ingest'],
    ['event'],
    ['both', 'loki'],
    ['both', 'ingest'],
    ['loki', 'event'],
  ]);
  const deadlines = deadlinesOf(random, isBrief);
  const chained = random.chance(0.5);
  return {
    ...pipelineBase(random),
    targets: Object.fromEntries(agents.map(agent => [agent, settings(agent)])),
    event: { format: random.pick(['sshd', 'ocsf', 'ecs']), user: 'canary' },
    inject: { kind: 'http', url: settings(agents[0]!).url, timeout: '2s' },
    checkpoints: lenses.map((lens, i) => ({
      ...lensOf(random, lens, { job: 'auth', name: `${lens}-${i}`, keepsMs }),
      ...deadlines,
      ...(i > 0 && !chained ? { after: 'source' } : {}),
      ...(random.chance(0.3) ? { holds: '5m' } : {}),
    })),
  };
}

function throughIntake(random: Draws, keepsMs: number, isBrief: boolean): PipelineDraft {
  const deadlines = deadlinesOf(random, isBrief);
  const tenants = ['tenant-a', 'tenant-b'].slice(0, random.between(1, 2));
  return {
    ...pipelineBase(random),
    targets: Object.fromEntries(tenants.map(name => [name, {}])),
    event: { format: 'ocsf', user: 'canary@example.com' },
    inject: {
      kind: 'http',
      url: `${LAB}/lab/intake/app`,
      timeout: '2s',
      ...(random.chance(0.5) ? { body: 'ndjson', batch: 10 } : {}),
    },
    checkpoints: [
      {
        ...lensOf(random, random.pick(['both', 'ingest', 'loki']), { job: 'app', name: 'search', keepsMs }),
        ...deadlines,
      },
      {
        name: 'export',
        after: 'source',
        observe: { kind: 'receive', key: EXPORT_KEY },
        ...deadlines,
        keeps: '1h',
        settle: ms(random.between(1, 3) * 1000),
        look_every: ms(random.between(1, 2) * 1000),
      },
    ],
  };
}

const pipelineBase = (random: Draws) => ({
  every: ms(random.pick([1000, 1500, 2000, 3000, 5000, 10_000])),
  sampling: random.pick(['uniform', 'poisson', 'fixed']),
  send_within: ms(random.between(1, 6) * 1000),
  objective: random.pick([
    { on_time: '99%', delivered: '99.9%' },
    { on_time: '95%', delivered: '99%' },
  ]),
  false_alarms: random.pick(['1 per year', '12 per year']),
  notify: { loss: ['desk'], ours: ['crew'] },
});

function deadlinesOf(random: Draws, isBrief: boolean): { on_time_within: string; lost_after: string } {
  if (isBrief) return { on_time_within: ms(3_000), lost_after: ms(random.between(6, 10) * 1000) };
  const onTimeMs = random.between(4, 10) * 1000;
  return { on_time_within: ms(onTimeMs), lost_after: ms(onTimeMs + random.between(6, 25) * 1000) };
}

/** A way to look at the log store's records of a job. */
function lensOf(
  random: Draws,
  lens: string,
  at: { readonly job: string; readonly name: string; readonly keepsMs: number },
) {
  const page_size = random.pick([1, 2, 7, 100, 1000]);
  const rest = {
    name: at.name,
    keeps: ms(at.keepsMs),
    settle: ms(random.between(1, 20) * 100),
    look_every: ms(random.pick([1000, 1500, 2000, 3000])),
  };
  if (lens === 'loki')
    return {
      ...rest,
      observe: { kind: 'loki', url: LAB, query: `{job="${at.job}"}`, page_size, timeout: '3s' },
    };
  const by = {
    ...(lens === 'event' ? {} : { ingest: 'ingest' }),
    ...(lens === 'ingest' ? {} : { event: 'event' }),
  };
  const observe = {
    kind: 'http',
    url: `${LAB}/lab/search`,
    method: 'POST',
    body: {
      job: at.job,
      prefix: '{{prefix}}',
      by: '{{time_field}}',
      from: '{{from_ms}}',
      to: '{{to_ms}}',
      page_size: '{{page_size}}',
      after: '{{cursor}}',
    },
    by,
    records: 'hits',
    text: 'source',
    record_id: 'id',
    ingested_at: { path: 'ingested_at' },
    event_time: { path: 'event_time' },
    paging: { kind: 'cursor', path: 'next' },
    page_size,
    timeout: '3s',
  };
  return { ...rest, observe };
}
