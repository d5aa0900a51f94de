/** From the text of coalmine.yaml to a `Config`, or to everything that is wrong with it. */
import type { RuntimeName } from '../contracts/definition.ts';
import type { Registry } from '../contracts/registry.ts';
import type { Loading } from './adapters.ts';
import type { Config, PipelineConfig } from './config.ts';
import type { Diagnostic } from './diagnostic.ts';
import { resolveNotices } from './notices.ts';
import { resolvePipeline } from './pipelines.ts';
import { type Draft, isMap, readDraft } from './read.ts';
import { collect } from './report.ts';
import { type ConfigInput, configSchema, PIPELINES_MAX } from './schema.ts';
import { isSecretPath, secretNames } from './secrets.ts';
import {
  hintAtPushes,
  resolveAccess,
  resolveKeys,
  resolveMaintenance,
  resolveRetention,
  resolveServer,
  resolveStore,
} from './sections.ts';
import { readSource } from './source.ts';

export interface ParseOptions {
  /** Name of the file, for diagnostics only. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly registry: Registry;
  /** Where the config is to run. Default: node. */
  readonly runtime?: RuntimeName;
  /** Reads a file named by `${file:…}`; relative paths are best taken from the config file's directory. */
  readonly readFile?: (path: string) => string;
}

export interface Parsed {
  /** Absent where there is any error. */
  readonly config?: Config;
  /** All that was found, in the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Pure but for `readFile`. Never throws for what the file says. */
export const parseConfig = (text: string, options: ParseOptions): Parsed => {
  const { registry, runtime = 'node' } = options;
  const marked = secretNames(registry);
  const source = readSource(text, options, path => isSecretPath(path, marked));
  const report = collect(source, options.file);
  const loading: Loading = { report, registry, runtime, substituted: source.substituted, has: source.has };
  const config = source.value === undefined ? undefined : resolveRoot(loading, source.value);
  const diagnostics = report.diagnostics();
  const failed = config === undefined || diagnostics.some(d => d.level === 'error');
  return failed ? { diagnostics } : { config, diagnostics };
};

const resolveRoot = (loading: Loading, value: unknown): Config | undefined => {
  if (!isMap(value)) {
    loading.report.error([], { expected: 'a map with pipelines', fix: 'begin with such as pipelines:' });
    return undefined;
  }
  const root = readDraft(loading, configSchema, value, []) ?? {};
  const store = resolveStore(loading, root);
  hintAtPushes(loading, root);
  return {
    store,
    ...resolveServer(loading, root),
    signingKeys: resolveKeys(loading, root, store),
    pipelines: resolvePipelines(loading, root),
    ...resolveNotices(loading, root),
    maintenance: resolveMaintenance(loading, root),
    access: resolveAccess(loading, root),
    retention: resolveRetention(root),
  };
};

const resolvePipelines = (loading: Loading, root: Draft<ConfigInput>): PipelineConfig[] => {
  const { report } = loading;
  const drafts = Object.entries(root.pipelines ?? {});
  if (root.pipelines && (drafts.length === 0 || drafts.length > PIPELINES_MAX)) {
    const expected = drafts.length === 0 ? 'at least one pipeline' : `at most ${PIPELINES_MAX} pipelines`;
    report.error(['pipelines'], { expected });
  }
  const ids = new Map<string, string>();
  return drafts.flatMap(([name, draft]) => {
    const path = ['pipelines', name];
    if (!draft) return [];
    const id = draft.id ?? name;
    const twin = ids.get(id);
    if (twin !== undefined) {
      const message = `the pipeline "${twin}" has the id "${id}" too`;
      report.error(draft.id === undefined ? path : [...path, 'id'], {
        message,
        fix: 'give each an id of its own',
      });
    }
    ids.set(id, twin ?? name);
    return resolvePipeline(loading, name, draft, path) ?? [];
  });
};
