/** Targets: listed, mapped with settings of their own, or discovered; and the injector that each is given. */
import type { InjectorDefinition } from '../contracts/injector.ts';
import { type Given, type Loading, readSettings } from './adapters.ts';
import type { AdapterConfig, DiscoveryConfig, TargetConfig } from './config.ts';
import type { Path } from './diagnostic.ts';
import { DRILL, type PipelineInput, TARGETS_MAX } from './pipeline-schema.ts';
import { isMap } from './read.ts';

const REFRESH_MS = 60_000;
/** The one target of a pipeline that names none. */
const DEFAULT_TARGET = 'default';

export interface Ways {
  readonly targets: readonly TargetConfig[];
  readonly discovery?: DiscoveryConfig;
}

type Targets = PipelineInput['targets'];

/** `given` has been read by the schema. Undefined where anything was wrong; it is reported then. */
export const resolveWays = (loading: Loading, given: Targets, path: Path): Ways | undefined => {
  if (given === undefined) return loading.has(path) ? undefined : { targets: [{ name: DEFAULT_TARGET }] };
  if (Array.isArray(given)) return listed(loading, given, path);
  if ('file_sd' in given || 'http_sd' in given) return discovered(loading, given, path);
  return listed(loading, given, path);
};

/** A draft of `targetsSchema.fileSd` or `.httpSd`: these two names are no targets'. */
const discovered = ({ report, runtime }: Loading, given: object, path: Path): Ways | undefined => {
  const draft = given as { file_sd?: string[]; http_sd?: { url?: string }; refresh?: number };
  const { refresh: refreshMs = REFRESH_MS } = draft;
  const url = draft.http_sd?.url;
  if (url !== undefined) return { targets: [], discovery: { kind: 'http_sd', url, refreshMs } };
  const files = draft.file_sd;
  if (files === undefined) return undefined;
  if (files.length > 0 && runtime === 'node')
    return { targets: [], discovery: { kind: 'file_sd', files, refreshMs } };
  const at = [...path, 'file_sd'];
  if (runtime === 'node') report.error(at, { expected: 'at least one file' });
  else report.error(at, { message: `${runtime} has no files`, fix: 'use http_sd' });
  return undefined;
};

const listed = ({ report }: Loading, given: object, path: Path): Ways | undefined => {
  const isList = Array.isArray(given);
  const names: readonly string[] = isList ? given : Object.keys(given);
  if (names.length === 0 || names.length > TARGETS_MAX) {
    const expected = names.length === 0 ? 'at least one target' : `at most ${TARGETS_MAX} targets`;
    report.error(path, {
      expected,
      fix: names.length === 0 ? 'name one, or leave targets out' : 'split the pipeline',
    });
    return undefined;
  }
  let good = true;
  const seen = new Set<string>();
  for (const [i, name] of names.entries()) {
    if (name !== DRILL && !seen.has(name)) {
      seen.add(name);
      continue;
    }
    good = false;
    const message =
      name === DRILL
        ? `"${DRILL}" stands for coalmine’s own rehearsal`
        : `the target "${name}" stands here twice`;
    report.error([...path, isList ? i : name], {
      message,
      fix: name === DRILL ? 'choose another name' : 'remove one of them',
    });
  }
  return good ? { targets: names.map(name => ({ name })) } : undefined;
};

export interface Injection {
  readonly inject: AdapterConfig;
  readonly targets: readonly TargetConfig[];
}

/**
 * The pipeline's injector, and those of targets that lay settings of their own over its. The pipeline's own need not
 * be complete where every target completes them; the first target's stand in for them then.
 */
export const resolveInjection = (
  loading: Loading,
  from: {
    readonly definition: InjectorDefinition;
    readonly base: Given;
    readonly targets: Targets;
    readonly ways: Ways;
  },
  path: Path,
): Injection | undefined => {
  const { definition, base, ways } = from;
  const own: Readonly<Record<string, unknown>> = isMap(from.targets) ? from.targets : {};
  const inPipeline = (inner: Path): Path => [...path, 'inject', ...inner];
  const targets = ways.targets.map(({ name }): TargetConfig | undefined => {
    const settings = own[name];
    if (!isMap(settings) || Object.keys(settings).length === 0) return { name };
    const at = [...path, 'targets', name];
    if ('kind' in settings) {
      loading.report.error([...at, 'kind'], {
        message: 'a target cannot change the kind',
        fix: 'make it a pipeline of its own',
      });
      return undefined;
    }
    const inject = readSettings(loading, definition, { ...base, ...settings }, inner =>
      inner.length === 0 || String(inner[0]) in settings ? [...at, ...inner] : inPipeline(inner),
    );
    return inject && { name, inject };
  });
  const complete = targets.every(t => t !== undefined) ? targets : undefined;
  const allOwn =
    ways.targets.length > 0 &&
    ways.targets.every(t => isMap(own[t.name]) && Object.keys(own[t.name] as object).length > 0);
  const inject = allOwn ? complete?.[0]?.inject : readSettings(loading, definition, base, inPipeline);
  if (!inject || !complete) return undefined;
  const { kind: _, ...given } = base;
  return { inject: ways.discovery ? { ...inject, given } : inject, targets: complete };
};
